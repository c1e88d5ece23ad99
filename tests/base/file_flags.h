// The flags that chattr(1) sets.
#ifndef JET_TESTS_BASE_FILE_FLAGS_H_
#define JET_TESTS_BASE_FILE_FLAGS_H_

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <system_error>

namespace jet::test {

// Gives the open file `fd` flags (FS_IMMUTABLE_FL, FS_APPEND_FL) for as long as this lives: a file
// that kept them could not be removed. Throws when the file system has no such flags.
class FileFlags {
 public:
  FileFlags(int fd, int flags) : fd_(fd) {
    if (ioctl(fd_, FS_IOC_GETFLAGS, &before_) != 0) Throw();
    const int wanted = before_ | flags;
    if (ioctl(fd_, FS_IOC_SETFLAGS, &wanted) != 0) Throw();
  }
  FileFlags(const FileFlags&) = delete;
  FileFlags& operator=(const FileFlags&) = delete;
  ~FileFlags() { (void)ioctl(fd_, FS_IOC_SETFLAGS, &before_); }

 private:
  [[noreturn]] static void Throw() {
    throw std::system_error(errno, std::generic_category(), "cannot set the flags of the file");
  }

  int fd_;
  int before_ = 0;
};

}  // namespace jet::test

#endif  // JET_TESTS_BASE_FILE_FLAGS_H_
