// The files that kernel and jet-appraise are asked about, each with the answer it must get.
#ifndef JET_TESTS_KERNEL_ROWS_H_
#define JET_TESTS_KERNEL_ROWS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "tests/kernel/workshop.h"

namespace jet::kernel {

// How kernel and jet-appraise are compared over a row.
enum class Comparison {
  kFull,           // both know the file and the rule
  kKernelUnknown,  // the kernel's answer cannot be known: only jet-appraise's is checked
  kDifferentRule,  // the kernel judges by a rule that jet-appraise does not know: checked apart
  kVerityRule,     // the rule for fs-verity files: jet-appraise is asked in the guest
};

// What the row expects, stated before anything is run.
struct Expectation {
  std::string verdict;                 // jet-appraise's
  std::string cause;                   // the kernel's; empty where it lets the file run
  std::vector<std::string> certified;  // trust these certificates; none: the row set's own choice
  Comparison comparison = Comparison::kFull;
};

struct Row {
  std::string name;
  std::filesystem::path file;  // on the host
  Expectation expected;
  std::string command;  // in the guest
};

// Makes rows; their files go to the workshop's disk.
class RowSet {
 public:
  const std::vector<Row>& rows() const { return rows_; }

  // Rows that could not be made, because the host's kernel does not store such an attribute.
  const std::vector<std::string>& not_made() const { return not_made_; }

 protected:
  explicit RowSet(const Workshop& workshop) : workshop_(workshop) {}
  ~RowSet() = default;
  RowSet(const RowSet&) = delete;
  RowSet& operator=(const RowSet&) = delete;

  const Workshop& workshop() const { return workshop_; }

  // Stores the attribute of the row added last, or takes the row back.
  void FinishWith(const std::string& attribute);

  // Makes the row's own program, which no other row's file equals.
  std::filesystem::path AddProgram(const std::string& name, Expectation expected);
  std::filesystem::path AddLibrary(const std::string& name, Expectation expected);
  std::filesystem::path AddScript(const std::string& name, Expectation expected);
  std::filesystem::path AddFile(const std::string& name, const std::string& content,
                                const std::string& runner, Expectation expected);

 private:
  const Workshop& workshop_;
  std::vector<Row> rows_;
  std::vector<std::string> not_made_;
};

void AppendByte(const std::filesystem::path& file);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_ROWS_H_
