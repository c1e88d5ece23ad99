// The files that kernel and jet-appraise are asked about, each with the answer it must get.
#ifndef JET_TESTS_KERNEL_MATRIX_H_
#define JET_TESTS_KERNEL_MATRIX_H_

#include <filesystem>
#include <string>
#include <vector>

#include "tests/kernel/workshop.h"

namespace jet::kernel {

// What the row expects, stated before anything is run.
struct Expectation {
  std::string verdict;                 // jet-appraise's
  std::string cause;                   // the kernel's; empty where it lets the file run
  std::vector<std::string> certified;  // trust these certificates; none: every key of the keystore
  bool compared = true;                // false: the kernel's answer cannot be known
};

struct Row {
  std::string name;
  std::filesystem::path file;  // on the host
  Expectation expected;
  std::string command;  // in the guest
};

// Builds the rows; their files go to the workshop's disk.
class Matrix {
 public:
  explicit Matrix(const Workshop& workshop);

  const std::vector<Row>& rows() const { return rows_; }

  // Rows that could not be made, because the host's kernel does not store such an attribute.
  const std::vector<std::string>& not_made() const { return not_made_; }

  // Certificates of openssl's making that the guest puts into its ring with keyctl, after the
  // keystore's have been mirrored.
  const std::vector<std::string>& added_with_keyctl() const { return added_with_keyctl_; }

  // Rows that the tests of the ring use as well.
  static constexpr char kSignedRow[] = "rsa3072-sha256";
  static constexpr char kStrangersRow[] = "stranger";
  static constexpr char kStranger[] = "stranger";

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

  // Stores the attribute of the row added last, or takes the row back.
  void FinishWith(const std::string& attribute);

  // Makes the row's own program, which no other row's file equals.
  std::filesystem::path AddProgram(const std::string& name, Expectation expected);
  std::filesystem::path AddLibrary(const std::string& name, Expectation expected);
  std::filesystem::path AddScript(const std::string& name, Expectation expected);
  std::filesystem::path AddFile(const std::string& name, const std::string& content,
                                const std::string& runner, Expectation expected);

  const Workshop& workshop_;
  std::vector<Row> rows_;
  std::vector<std::string> not_made_;
  std::vector<std::string> added_with_keyctl_;
};

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_MATRIX_H_
