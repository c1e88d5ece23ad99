// A file descriptor with one owner.
#ifndef JET_BASE_UNIQUE_FD_H_
#define JET_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace jet::base {

// Owns a file descriptor and closes it at the end of its life. Move only.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  // Returns the descriptor, -1 when there is none. Stays owned by this object.
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

  // Closes what is owned and takes `fd`.
  void Reset(int fd = -1) {
    if (fd_ >= 0) (void)close(fd_);
    fd_ = fd;
  }

  // Gives the descriptor to the caller, who has to close it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace jet::base

#endif  // JET_BASE_UNIQUE_FD_H_
