#!/usr/bin/env bash
# Fills the first column of tests/data/sql92.tsv from Apache RocketMQ's own filter. Needs Java and Maven.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
out=$PWD/build/sql92-outcomes
mvn -q -f tests/filter/apache/pom.xml "-Dout=$out" compile
java -cp "$out/classes:$out/lib/*" Sql92Outcomes tests/data/sql92.tsv
