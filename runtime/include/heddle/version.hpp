#pragma once
// The version of heddle. CMakeLists.txt reads it from here. While the major version is 0, a minor version may change
// the interface and the layout of objects; the inline namespace and the name of the shared library (soname) bear both.

// The major version.
#define HEDDLE_VERSION_MAJOR 0
// The minor version.
#define HEDDLE_VERSION_MINOR 1
// The patch number, which changes neither the interface nor the layout of objects.
#define HEDDLE_VERSION_PATCH 0
// The version as one number, to compare: 10,000 times the major, plus 100 times the minor, plus the patch number.
#define HEDDLE_VERSION (HEDDLE_VERSION_MAJOR * 10000 + HEDDLE_VERSION_MINOR * 100 + HEDDLE_VERSION_PATCH)
