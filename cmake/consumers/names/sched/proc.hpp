#pragma once
// A header of the user that is named as one of heddle once was.
inline constexpr int my_own = 6;
