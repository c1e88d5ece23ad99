// The rows for Debian's stock kernel: RSA keys of a keystore, mirrored into _ima.
#ifndef JET_TESTS_KERNEL_MATRIX_H_
#define JET_TESTS_KERNEL_MATRIX_H_

#include <string>
#include <vector>

#include "tests/kernel/rows.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {

// Rows that trust no certificates by name trust the keystore's keys.
class Matrix : public RowSet {
 public:
  explicit Matrix(const Workshop& workshop);

  // Certificates of openssl's making that the guest puts into its ring with keyctl, after the
  // keystore's have been mirrored.
  const std::vector<std::string>& added_with_keyctl() const { return added_with_keyctl_; }

 private:
  void AddGoodPrograms();
  void AddLibraries();
  void AddPlainPrograms();
  void AddMutations();
  void AddUnknownKeys();
  void AddSmallKeys();
  void AddWeakHashes();
  void AddTwins();
  void AddIssuerTail();
  void AddScripts();
  void AddInterpreters();

  std::vector<std::string> added_with_keyctl_;
};

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_MATRIX_H_
