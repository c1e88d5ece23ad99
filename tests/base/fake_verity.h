// fs-verity for tests on kernels without it: see fake_verity.c, which the test is linked with.
#ifndef JET_TESTS_BASE_FAKE_VERITY_H_
#define JET_TESTS_BASE_FAKE_VERITY_H_

#include <cstdlib>
#include <string>

namespace jet::test {

// While it lives, this process sees fs-verity on every file system that has trusted attributes.
// With an errno, enabling fails so; with one below zero it does for a reason of the file. Not while
// other threads run.
class FakeVerity {
 public:
  explicit FakeVerity(int enable_error = 0) {
    setenv("JET_FAKE_VERITY", std::to_string(enable_error).c_str(), /*overwrite=*/1);
  }
  FakeVerity(const FakeVerity&) = delete;
  FakeVerity& operator=(const FakeVerity&) = delete;
  ~FakeVerity() { unsetenv("JET_FAKE_VERITY"); }
};

// While it lives, a file is changed just before fs-verity is enabled on it.
class FakeVerityChange {
 public:
  FakeVerityChange() { setenv("JET_FAKE_VERITY_CHANGE", "1", /*overwrite=*/1); }
  FakeVerityChange(const FakeVerityChange&) = delete;
  FakeVerityChange& operator=(const FakeVerityChange&) = delete;
  ~FakeVerityChange() { unsetenv("JET_FAKE_VERITY_CHANGE"); }
};

}  // namespace jet::test

#endif  // JET_TESTS_BASE_FAKE_VERITY_H_
