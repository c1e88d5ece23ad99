#include "tests/kernel/guest.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include "tests/kernel/command.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

constexpr char kRows[] = "/mnt/rows/";

// What every script begins with. Temporary files go to the disk, which the policy judges.
constexpr char kPreamble[] =
    "export JET_KEYSTORE=/lab/keystore TMPDIR=/mnt/tmp\n"
    // Offer a certificate to the caller's _ima and to a ring of the kernel's without the help of
    // jet.
    "add() { keyctl padd asymmetric '' \"$(ring)\" </lab/certificates/\"$1\".der; }\n"
    "offer() { keyctl padd asymmetric '' \"%:$2\" </lab/certificates/\"$1\".der; }\n";

// The tree that goes into the initramfs: the host's keystore and the certificates, no private keys
// but the keystore's own.
void CopyLabFiles(const Workshop& workshop, const fs::path& tree) {
  fs::create_directories(tree / "lab" / "certificates");
  if (fs::exists(workshop.store())) {
    fs::copy(workshop.store(), tree / "lab" / "keystore", fs::copy_options::recursive);
  }
  for (const auto& entry : fs::directory_iterator(workshop.certificates())) {
    if (entry.path().extension() == ".der") fs::copy(entry, tree / "lab" / "certificates");
  }
}

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

GuestReport::GuestReport(const std::string& output, const std::string& kernel_log)
    : output_(output), log_(kernel_log) {
  std::string line;
  for (std::istringstream lines(output); std::getline(lines, line);) ReadOutputLine(line);
  for (std::istringstream lines(kernel_log); std::getline(lines, line);) ReadLogLine(line);
}

void GuestReport::ReadOutputLine(const std::string& line) {
  static const std::regex kOut("out (\\S+) (.*)");
  static const std::regex kRow("row (\\S+) ([0-9]+)");
  std::smatch match;
  if (std::regex_match(line, match, kOut)) {
    rows_[match[1]].output += match[2].str() + "\n";
  } else if (std::regex_match(line, match, kRow)) {
    rows_[match[1]].status = std::stoi(match[2]);
  }
}

void GuestReport::ReadLogLine(const std::string& line) {
  static const std::regex kRecord("op=(?:appraise|collect)_data cause=(\\S+) .*name=\"([^\"]*)\"");
  std::smatch match;
  if (!std::regex_search(line, match, kRecord)) return;
  // Records about data that could not be collected carry the bare name.
  std::string name = match[2];
  if (name.rfind(kRows, 0) == 0) name = name.substr(sizeof(kRows) - 1);
  std::vector<std::string>& causes = causes_[name];
  if (std::find(causes.begin(), causes.end(), match[1]) == causes.end()) causes.push_back(match[1]);
}

GuestRow GuestReport::RowOf(const std::string& name) const {
  const auto found = rows_.find(name);
  return found == rows_.end() ? GuestRow() : found->second;
}

Answer GuestReport::AnswerOf(const std::string& name) const {
  const GuestRow row = RowOf(name);
  if (row.status == 0 && row.output == "ran\n") return Answer::kRan;
  if (row.status == 126 && Contains(row.output, "Permission denied")) return Answer::kRefused;
  if (row.status == 1 && Contains(row.output, "failed to map segment")) return Answer::kRefused;
  return Answer::kUnclear;
}

std::string GuestReport::CauseOf(const std::string& name) const {
  const auto found = causes_.find(name);
  std::string text;
  if (found == causes_.end()) return text;
  for (const std::string& cause : found->second) text += (text.empty() ? "" : ", ") + cause;
  return text;
}

GuestReport BootGuest(Kernel kernel, const Workshop& workshop, const std::string& script) {
  const ScratchFolder folder;
  const fs::path tree = folder.path() / "tree";
  const fs::path script_file = folder.path() / "script";
  const fs::path log = folder.path() / "log";
  CopyLabFiles(workshop, tree);
  WriteFile(script_file, kPreamble + script);
  Words command = {std::string(JET_SOURCE_DIR) + "/tests/kernel/boot",
                   "--kernel",
                   kernel == Kernel::kStock ? "stock" : "ima",
                   "--root",
                   workshop.disk(),
                   "--script",
                   script_file,
                   "--initramfs-dir",
                   tree,
                   "--user",
                   "1000",
                   "--timeout",
                   "240",
                   "--log",
                   log};
  const std::string fsverity = Must({"sh", "-c", "printf %s \"$(command -v fsverity)\""});
  for (const std::string& program : Words{JetBin(), fsverity, JET_LAB_OPENER, JET_LAB_PROBER}) {
    command.insert(command.end(), {"--program", program});
  }
  const std::string output = Must(command);
  return GuestReport(output, ReadFile(log));
}

std::string Try(const std::string& name, const std::string& command) {
  return "try " + name + " " + command + "\n";
}

}  // namespace jet::kernel
