#pragma once
// Which heddle this is. CMakeLists.txt reads it from here. A minor version may change the interface and the layout of objects, as
// long as the major one is 0; the inline namespace and the name of the shared library (soname) bear both.
#define HEDDLE_VERSION_MAJOR 0
#define HEDDLE_VERSION_MINOR 1
#define HEDDLE_VERSION_PATCH 0
// To compare: 10,000 times the major, 100 times the minor, and the patch number.
#define HEDDLE_VERSION (HEDDLE_VERSION_MAJOR * 10000 + HEDDLE_VERSION_MINOR * 100 + HEDDLE_VERSION_PATCH)
