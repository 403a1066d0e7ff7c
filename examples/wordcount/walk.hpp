#pragma once
// The files under a directory.
#include <filesystem>
#include <functional>
#include <system_error>

// Calls found(file) for every regular file under dir, at any depth, and failed(path, error) for what cannot be listed.
// Symbolic links under dir are not followed; devices, pipes and sockets are passed over. dir itself may be a link.
// Holds one directory open at a time and does not recurse: a goroutine's stack is small, a tree may be deep.
void walk(const std::filesystem::path &dir, const std::function<void(std::filesystem::path)> &found,
          const std::function<void(const std::filesystem::path &, std::error_code)> &failed);
