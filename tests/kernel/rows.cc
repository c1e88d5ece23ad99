#include "tests/kernel/rows.h"

#include <utility>

#include "tests/kernel/command.h"

namespace jet::kernel {

namespace fs = std::filesystem;

void RowSet::FinishWith(const std::string& attribute) {
  if (WriteImaAttribute(rows_.back().file, attribute)) return;
  fs::remove(rows_.back().file);
  not_made_.push_back(rows_.back().name);
  rows_.pop_back();
}

fs::path RowSet::AddProgram(const std::string& name, Expectation expected) {
  static const std::string content = ReadFile(JET_LAB_PROGRAM);
  return AddFile(name, content, "/mnt/rows/" + name, std::move(expected));
}

fs::path RowSet::AddLibrary(const std::string& name, Expectation expected) {
  static const std::string content = ReadFile(JET_LAB_LIBRARY);
  static const std::string opener = fs::path(JET_LAB_OPENER).filename();
  return AddFile(name, content, opener + " /mnt/rows/" + name, std::move(expected));
}

// The guest's /bin/sh is exempt, being on the initramfs.
fs::path RowSet::AddScript(const std::string& name, Expectation expected) {
  return AddFile(name, "#!/bin/sh\necho ran\n# ", "/mnt/rows/" + name, std::move(expected));
}

// Each file ends with its row's name, so that no two are equal.
fs::path RowSet::AddFile(const std::string& name, const std::string& content,
                         const std::string& command, Expectation expected) {
  const fs::path file = workshop_.disk() / "rows" / name;
  WriteFile(file, content + name + "\n");
  fs::permissions(file, fs::perms(0755));
  rows_.push_back({name, file, std::move(expected), command});
  return file;
}

void AppendByte(const fs::path& file) { WriteFile(file, ReadFile(file) + "x"); }

}  // namespace jet::kernel
