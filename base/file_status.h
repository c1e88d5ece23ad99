// What stat(2) tells of files.
#ifndef JET_BASE_FILE_STATUS_H_
#define JET_BASE_FILE_STATUS_H_

#include <sys/stat.h>

#include <ctime>
#include <string>

namespace jet::base {

// True when both are of one file: device and inode are the same. It says nothing of a file that
// was removed in between, whose inode may be given out again. Pure.
bool IsSameFile(const struct stat& a, const struct stat& b);

// True when both paths lead to one file or folder, links followed. False when one of them leads
// nowhere or cannot be looked at. Any thread.
bool IsSameFile(const std::string& a, const std::string& b);

// True when `path`, links followed, is a folder. False when it cannot be looked at. Any thread.
bool IsFolder(const std::string& path);

// True when both times are the same to the nanosecond. Pure.
bool IsSameTime(const struct timespec& a, const struct timespec& b);

}  // namespace jet::base

#endif  // JET_BASE_FILE_STATUS_H_
