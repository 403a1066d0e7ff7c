#!/usr/bin/env bash
# Writes the reference of the public interface: build/reference/html/index.html. Fails where a public name has no words, a link
# leads nowhere, or doxygen has any other complaint. Needs doxygen (1.9.4 or newer) and python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p build/reference
doxygen docs/Doxyfile
echo build/reference/html/index.html
