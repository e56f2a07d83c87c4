# What `cmake --install` puts where, and the package that find_package(Troupe) finds. Target product builds just that.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(troupe_package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/Troupe)
set(troupe_libraries)
foreach(name IN ITEMS build_flags vocabulary protocol filter storage config actors client testing)
  if(TARGET troupe_${name})
    set_target_properties(troupe_${name} PROPERTIES EXPORT_NAME ${name})
    list(APPEND troupe_libraries troupe_${name})
  endif()
endforeach()
install(TARGETS ${troupe_libraries} EXPORT TroupeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT TroupeTargets NAMESPACE Troupe:: DESTINATION ${troupe_package_directory})

# Our includes start at the tree's root ("client/producer.hpp"); the installed tree keeps that below include/troupe. No header outside a
# folder called internal includes one inside it (tools/check_arrows.py), so those stay away.
foreach(folder IN ITEMS protocol filter storage config actors client testing)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe
    FILES_MATCHING PATTERN "*.hpp" PATTERN internal EXCLUDE)
endforeach()

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/TroupeConfig.cmake.in ${CMAKE_BINARY_DIR}/TroupeConfig.cmake
  INSTALL_DESTINATION ${troupe_package_directory})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TroupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_BINARY_DIR}/TroupeConfig.cmake
  ${CMAKE_BINARY_DIR}/TroupeConfigVersion.cmake
  ${CMAKE_SOURCE_DIR}/cmake/TroupeDependencies.cmake
  DESTINATION ${troupe_package_directory})

add_custom_target(product)
add_dependencies(product ${troupe_libraries})
if(TARGET troupe)
  add_dependencies(product troupe)
  install(TARGETS troupe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/config/ DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe/config
    FILES_MATCHING PATTERN "*.json")
endif()
