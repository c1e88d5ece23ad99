// The booted kernel: what it is asked to run, and what it answered.
#ifndef JET_TESTS_KERNEL_GUEST_H_
#define JET_TESTS_KERNEL_GUEST_H_

#include <map>
#include <string>
#include <vector>

#include "tests/kernel/workshop.h"

namespace jet::kernel {

// Debian's own with _ima, and the lab's with .ima.
enum class Kernel { kStock, kIma };

enum class Answer { kRan, kRefused, kUnclear };

struct GuestRow {
  int status = -1;
  std::string output;
};

// What one boot left behind.
class GuestReport {
 public:
  GuestReport() = default;
  GuestReport(const std::string& output, const std::string& kernel_log);

  // The row's record; a row without one has status -1.
  GuestRow RowOf(const std::string& name) const;

  // "ran" on standard output and status 0 is kRan; the shell's or the loader's words for EACCES are
  // kRefused; anything else, a crash for example, is kUnclear.
  Answer AnswerOf(const std::string& name) const;

  // The cause= of the audit records about /mnt/rows/NAME, each once; joined by ", " if they differ.
  std::string CauseOf(const std::string& name) const;

  bool LogHas(const std::string& text) const { return log_.find(text) != std::string::npos; }

  // All of it, for a failure's message.
  std::string Everything() const { return output_ + "\n" + log_; }

 private:
  void ReadOutputLine(const std::string& line);
  void ReadLogLine(const std::string& line);

  std::string output_;
  std::string log_;
  std::map<std::string, GuestRow> rows_;
  std::map<std::string, std::vector<std::string>> causes_;
};

// Boots the guest with the workshop's disk, keystore and certificates (JET_KEYSTORE is set there,
// and the certificates are in /lab/certificates) and runs the script in it.
GuestReport BootGuest(Kernel kernel, const Workshop& workshop, const std::string& script);

// A line of a script: a command that is a row of the report.
std::string Try(const std::string& name, const std::string& command);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_GUEST_H_
