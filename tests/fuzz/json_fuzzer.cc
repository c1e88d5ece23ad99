// Fuzzes what is printed: a JSON object is one line that reads back as the same strings, with the
// exact bytes of a file's name, and a line for people has nothing in it that steers a terminal.
//   build/fuzz/tests/fuzz/json_fuzzer -max_len=1024 -max_total_time=60
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cli/escape.h"
#include "cli/output.h"

namespace jet {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "json_fuzzer: %s\n", what);
  std::abort();
}

// Standard output, in memory; libFuzzer itself prints on stderr.
int Captured() {
  static const int fd = [] {
    const int memory = memfd_create("stdout", MFD_CLOEXEC);
    Require(memory >= 0 && dup2(memory, STDOUT_FILENO) == STDOUT_FILENO, "no standard output");
    return memory;
  }();
  return fd;
}

std::string Printed(const cli::Json& object) {
  const int fd = Captured();
  Require(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "cannot empty the output");
  cli::Output output({.program = "jet", .json = true});
  output.Object(object);
  Require(output.Flush().ok(), "cannot print");
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  Require(pread(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "cannot read the output");
  return text;
}

std::string NameIn(const cli::Json& object) {
  if (!object.contains("path_base64")) return object.at("path").get<std::string>();
  std::string name;
  Require(absl::Base64Unescape(object.at("path_base64").get<std::string>(), &name), "no base64");
  return name;
}

void CheckObject(const std::string& name) {
  cli::Json object;
  object["type"] = "file";
  cli::AddPath(object, name);
  object["detail"] = name;
  const std::string line = Printed(object);
  Require(!line.empty() && line.find('\n') == line.size() - 1, "not one line");
  const cli::Json read = cli::Json::parse(line, nullptr, /*allow_exceptions=*/false);
  Require(read.is_object() && read.size() == object.size(), "not the object that was printed");
  Require(NameIn(read) == name, "not the name that was printed");
}

void CheckLine(const std::string& text) {
  const std::string line = cli::Escape(text);
  Require(
      std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
      "a control character");
  // Strict: bytes that are not UTF-8 would be refused.
  Require(!cli::Json(line).dump().empty(), "no text");
}

}  // namespace
}  // namespace jet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  jet::CheckObject(text);
  jet::CheckLine(text);
  return 0;
}
