// Empty: precompiled headers are made for it alone; see TroupePrecompiledHeaders.cmake.
