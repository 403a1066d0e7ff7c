#pragma once
// What host and plugin have in common, besides heddle: its value must be one in the whole process.
inline int &counter() {
  static int value = 0;
  return value;
}
