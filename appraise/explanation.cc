#include "appraise/explanation.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "appraise/explanation_parts.h"

namespace jet::appraise {
namespace {

constexpr char kUserImaName[] = "_ima";
constexpr uint64_t kFuseMagic = 0x65735546;  // FUSE_SUPER_MAGIC

bool HasIma(const KernelFacts& kernel) { return kernel.state.ima.word != ima::Presence::kAbsent; }

void AddAudit(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::Told<ima::Presence>& audit = input.kernel.facilities.audit;
  if (audit.word == ima::Presence::kAbsent) {
    findings.push_back({"no-audit",
                        absl::StrCat("This kernel has no audit (", audit.why,
                                     "): it refuses without a record, so no cause= is found in any "
                                     "log."),
                        ""});
  } else if (audit.word == ima::Presence::kPresent) {
    findings.push_back(
        {"audit-record",
         "The record is in the log of auditd, else in the kernel's (dmesg | grep cause=), which "
         "leaves some out when there are many (kernel.printk_ratelimit).",
         ""});
  }
}

// The kernel keeps the first _ima that it meets (digsig.c, integrity_digsig_verify).
void AddPin(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::KernelRing& ring = input.kernel.ring;
  if (ring.name != kUserImaName || input.appraisal.key == nullptr) return;
  findings.push_back(
      {"ring-not-pinned",
       "A kernel without .ima keeps the first keyring _ima that it meets, whoever owns it, until "
       "it "
       "restarts. Whether that is the one seen here cannot be told.",
       "'jet-ima load --pin', right after the policy is loaded and before any other user runs a "
       "signed file, makes it root's."});
}

// "The file has ..."
const char* EvmCount(const FileFacts& file) {
  if (!file.has_evm.has_value()) return "possibly one";
  return *file.has_evm ? "one" : "none";
}

void AddEvm(const ExplanationInput& input, std::vector<Finding>& findings) {
  const ima::Told<ima::Presence>& evm = input.kernel.facilities.evm;
  if (evm.word == ima::Presence::kPresent) {
    findings.push_back(
        {"evm-active",
         absl::StrCat("EVM is on in this kernel (", evm.why,
                      "): it verifies security.evm before security.ima, with "
                      "cause=missing-HMAC or cause=invalid-HMAC when that fails. The "
                      "file has ",
                      EvmCount(input.file), "; jet-appraise does not judge it."),
         "evmctl writes and verifies security.evm."});
  } else if (input.file.has_evm == true && evm.word == ima::Presence::kUnknown) {
    findings.push_back({"evm-present",
                        "The file has a security.evm, and whether EVM is on in this kernel is not "
                        "known.",
                        ""});
  }
}

void AddPlace(const ExplanationInput& input, std::vector<Finding>& findings) {
  if (input.file.file_system_magic == kFuseMagic) {
    findings.push_back(
        {"unverifiable-file-system",
         "The file is on FUSE, where the kernel cannot tell whether content changes "
         "after it was verified: with ima_policy=fail_securely, or mounted by a user, "
         "it is refused with cause=unverifiable-signature.",
         "Put it on a file system of the kernel's own."});
  }
  const bool executed =
      input.file.kind == base::FileKind::kElf || input.file.kind == base::FileKind::kScript;
  if (executed && input.file.mounted_noexec) {
    findings.push_back({"mounted-noexec",
                        "The file system is mounted noexec: executing the file fails with EACCES "
                        "whatever IMA says.",
                        ""});
  }
}

bool IsNotAppraised(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.id == "not-appraised"; });
}

// A file system that anybody can write to and that no rule is about.
void AddHole(const ExplanationInput& input, std::vector<Finding>& findings) {
  constexpr uint64_t kTmpfsMagic = 0x01021994;
  constexpr uint64_t kRamfsMagic = 0x858458f6;
  const ima::AppraiseMode mode = input.kernel.state.appraise.word;
  if (mode == ima::AppraiseMode::kOff || mode == ima::AppraiseMode::kNotSupported) return;
  const uint64_t magic = input.file.file_system_magic.value_or(0);
  if (magic != kTmpfsMagic && magic != kRamfsMagic) return;
  if (input.file.mounted_noexec || !IsNotAppraised(findings)) return;
  findings.push_back(
      {"exempt-tmpfs",
       "It is on a tmpfs or ramfs that the policy does not cover: whatever is copied "
       "there runs, signed or not.",
       "Mount it noexec, or take the exemption out of the policy."});
}

void AddUnreadable(const ExplanationInput& input, std::vector<Finding>& findings) {
  const auto add = [&findings](const std::string& why) {
    findings.push_back({"not-readable", absl::StrCat("Could not be read: ", why, "."), ""});
  };
  for (const std::string& why : input.file.unreadable) add(why);
  for (const std::string& why : input.kernel.state.unreadable) add(why);
  for (const std::string& why : input.kernel.facilities.unreadable) add(why);
  if (!HasIma(input.kernel)) return;
  const ima::KernelRing& blacklist = input.kernel.facilities.blacklist;
  if (blacklist.sight == ima::RingSight::kHidden) {
    add(absl::StrCat("the keyring ", ima::kImaBlacklist, ": ", blacklist.why));
  }
}

void AddFateWithoutAttributes(const FileFacts& file, const KernelFacts& kernel,
                              std::vector<Finding>& findings) {
  FileFacts bare = file;
  bare.keeps_attributes = false;
  const Appraisal appraisal;
  const TrustSet trust(std::vector<ima::NamedCertificate>{});
  const ExplanationInput input = {appraisal, bare, kernel, trust, absl::InfinitePast(), "", {}};
  AddOutcomes(input, findings);
  AddPlace(input, findings);
  AddHole(input, findings);
}

}  // namespace

void AddSurroundings(const ExplanationInput& input, std::vector<Finding>& findings) {
  AddPlace(input, findings);
  AddHole(input, findings);
  if (HasIma(input.kernel)) {
    AddPin(input, findings);
    AddEvm(input, findings);
  }
}

std::vector<Finding> Explain(const ExplanationInput& input) {
  std::vector<Finding> findings;
  const bool refused = AddOutcomes(input, findings);
  AddSigner(input, findings);
  AddContent(input, findings);
  AddSurroundings(input, findings);
  if (refused && HasIma(input.kernel)) AddAudit(input, findings);
  AddUnreadable(input, findings);
  return findings;
}

std::vector<Finding> ExplainError(const absl::Status& error, const FileFacts& file,
                                  const KernelFacts* kernel) {
  if (!absl::IsUnimplemented(error)) return {};
  std::vector<Finding> findings;
  if (kernel != nullptr) AddFateWithoutAttributes(file, *kernel, findings);
  findings.push_back(
      {"file-system-without-attributes",
       absl::StrCat("The file system (", file.file_system_name.value_or("of unknown name"),
                    ") keeps no security.ima, so no file on it can be signed: a kernel that "
                    "appraises it refuses it with EACCES, and not always with a record."),
       "Put the file on ext4, XFS, Btrfs or another file system that keeps extended "
       "attributes."});
  return findings;
}

}  // namespace jet::appraise
