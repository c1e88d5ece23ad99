#include "tests/race/race_site.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "appraise/appraisal.h"
#include "base/child_process.h"
#include "base/xattr.h"
#include "crypto/digest.h"
#include "crypto/private_key.h"
#include "pki/issue.h"
#include "tests/base/elf.h"
#include "tests/status_matchers.h"

namespace jet::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileSize = 1 << 20;
constexpr size_t kOutputLimit = 1 << 20;
constexpr unsigned kMostMicroseconds = 150;  // between two changes

base::Bytes Program(unsigned char filling) {
  base::Bytes content = ElfHeader();
  content.resize(kFileSize, filling);
  return content;
}

int CountLines(absl::string_view text, absl::string_view what) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  return static_cast<int>(std::count_if(lines.begin(), lines.end(), [what](absl::string_view line) {
    return absl::StrContains(line, what);
  }));
}

bool HasSignature(const std::string& path) {
  const base::UniqueFd fd = Open(path, O_RDONLY);
  return ValueOf(base::GetXattr(fd.get(), base::kSecurityIma)).has_value();
}

}  // namespace

RaceSite::RaceSite() : random_(std::random_device()()) {
  const crypto::PrivateKey key =
      ValueOf(crypto::PrivateKey::Generate(ValueOf(crypto::ParseSigningKeyType("rsa:2048"))));
  const absl::Time now = absl::Now();
  const pki::Certificate certificate = ValueOf(pki::IssueSelfSigned(
      key, {.common_name = "race"}, {now - absl::Hours(1), now + absl::Hours(24)}));
  folder_.Write("key.pem", ValueOf(key.UnencryptedPem()).Expose(), 0600);
  folder_.Write("certificate.der", certificate.der());
  trust_ = std::make_unique<appraise::TrustSet>(
      std::vector<ima::NamedCertificate>{{"race", certificate}});
}

std::string RaceSite::FolderOf(int folder) const { return absl::StrCat(tree(), "/d", folder); }

void RaceSite::Reset() {
  fs::remove_all(tree());
  fs::remove_all(outside());
  files_.clear();
  for (int folder = 0; folder < kFolders; ++folder) {
    for (int file = 0; file < kFilesPerFolder; ++file) {
      const std::string name = absl::StrCat("d", folder, "/f", file);
      files_.push_back(folder_.Write(absl::StrCat("tree/", name), Program('t')));
      folder_.Write(absl::StrCat("outside/", name), Program('o'));
    }
  }
}

RaceCount RaceSite::SignWithJet(const Change& change) {
  return Race({JET_BINARY, "sign", "-r", "--json", "--jobs", "2", "--allow-empty", "--private-key",
               Path("key.pem"), "--x509-cert", Path("certificate.der"), tree()},
              change);
}

RaceCount RaceSite::SignWithEvmctl(const Change& change) {
  return Race(
      {"evmctl", "ima_sign", "-r", "--hashalgo", "sha256", "--key", Path("key.pem"), tree()},
      change);
}

RaceCount RaceSite::Race(const std::vector<std::string>& command, const Change& change) {
  RaceCount count;
  count.runs = 1;
  std::atomic<bool> ended{false};
  std::thread changer([&] {
    while (!ended) {
      if (change(files_[random_() % files_.size()])) ++count.changes;
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % kMostMicroseconds));
    }
  });
  const absl::StatusOr<base::ChildProcessResult> ran = base::RunChildProcess(
      {.arguments = command,
       .environment = base::EnvironmentOf({"PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS"}),
       .input = {},
       .output_limit = kOutputLimit,
       .error_limit = kOutputLimit,
       .timeout = absl::Minutes(2)});
  ended = true;
  changer.join();
  const base::ChildProcessResult result = ValueOf(ran);
  if (result.signal != 0) throw std::runtime_error(absl::StrCat("signal ", result.signal));
  count.detections = CountLines(base::AsText(result.output), "\"result\":\"failed\"");
  Judge(count);
  return count;
}

// A signature is wrong when it is not over the bytes that the file has: nobody here changes a file
// that has one. Outside of the tree every signature is wrong.
void RaceSite::Judge(RaceCount& count) const {
  crypto::Hasher hasher;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree())) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    const base::UniqueFd fd = Open(entry.path().string(), O_RDONLY);
    const appraise::Appraisal appraisal =
        ValueOf(appraise::AppraiseFile(fd.get(), *trust_, hasher));
    if (appraisal.verdict == appraise::Verdict::kNoSignature) continue;
    ++count.signed_;
    if (appraisal.verdict != appraise::Verdict::kValid) ++count.wrong;
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(outside())) {
    if (entry.is_regular_file() && HasSignature(entry.path().string())) ++count.wrong;
  }
}

}  // namespace jet::test
