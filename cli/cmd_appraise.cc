#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "appraise/appraisal.h"
#include "base/file_run.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/command.h"
#include "cli/file_commands.h"
#include "cli/key_report.h"
#include "cli/keyring_option.h"
#include "cli/open_keystore.h"
#include "cli/option_parser.h"
#include "crypto/digest.h"
#include "keystore/keystore.h"

namespace jet::cli {
namespace {

using appraise::Verdict;
using Members = absl::optional<std::vector<ima::KeyringMember>>;

// The trusted keys, and where they come from.
struct Trust {
  appraise::TrustSet set;
  const char* source;  // "keystore", "certificate" or "keyring"
  Members ring;        // what the kernel holds, as far as it can be seen
};

Tone ToneOf(Verdict verdict) {
  if (verdict == Verdict::kValid) return Tone::kGood;
  return verdict == Verdict::kAmbiguousKey ? Tone::kDoubtful : Tone::kBad;
}

// True when the file has no security.ima, as far as can be told.
bool IsUnsigned(int fd) {
  const absl::StatusOr<absl::optional<base::Bytes>> value = base::GetXattr(fd, base::kSecurityIma);
  return !value.ok() || !value->has_value();
}

// Judges the files of a run, prints the verdicts and counts them.
class AppraiseRun : public base::FileRunHandler {
 public:
  AppraiseRun(Session& session, const Trust& trust, int workers, bool line_per_file)
      : output_(session.output),
        trust_(trust),
        hashers_(static_cast<size_t>(workers)),
        line_per_file_(line_per_file || session.output.verbose()) {}

  void OnFile(base::SelectedFile file, int worker) override {
    const absl::StatusOr<appraise::Appraisal> appraisal =
        appraise::AppraiseFile(file.fd.get(), trust_.set, hashers_.at(static_cast<size_t>(worker)));
    if (!appraisal.ok()) {
      OnError(file.path, appraisal.status());
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++counts_[appraisal->verdict];
      if (appraisal->verdict == Verdict::kValid && InKernelKeyring(*appraisal) == false) {
        ++not_in_keyring_;
      }
    }
    if (output_.json()) PrintObject(file.path, *appraisal);
    if (line_per_file_ || appraisal->verdict != Verdict::kValid) PrintLine(file.path, *appraisal);
  }

  void OnSkipped(const std::string& path, base::SkipReason reason, int fd) override {
    const bool unsigned_script = reason == base::SkipReason::kUnwantedScript && IsUnsigned(fd);
    const std::lock_guard<std::mutex> lock(mutex_);
    ++skipped_;
    if (unsigned_script) ++unsigned_scripts_;
    if (output_.verbose()) {
      output_.Result({path, "skipped", absl::StrCat(" (", SkipReasonText(reason), ")")});
    }
  }

  void OnError(const std::string& path, const absl::Status& error) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++failed_;
    }
    output_.Error(absl::StrCat(NameForMessage(path), ": not appraised: ", error.message()));
    if (!output_.json()) return;
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["verdict"] = nullptr;
    object["error"] = std::string(error.message());
    output_.Object(object);
  }

  size_t count(Verdict verdict) const {
    const auto found = counts_.find(verdict);
    return found == counts_.end() ? 0 : found->second;
  }
  size_t judged() const {
    size_t all = 0;
    for (const auto& [verdict, count] : counts_) all += count;
    return all;
  }
  // Valid files whose key this kernel's keyring does not hold.
  size_t not_in_keyring() const { return not_in_keyring_; }
  size_t skipped() const { return skipped_; }
  size_t unsigned_scripts() const { return unsigned_scripts_; }
  size_t failed() const { return failed_; }

 private:
  absl::optional<bool> InKernelKeyring(const appraise::Appraisal& appraisal) const {
    if (appraisal.key == nullptr || !trust_.ring.has_value()) return absl::nullopt;
    return ima::HoldsKeyOf(*trust_.ring, appraisal.key->certificate);
  }

  void PrintObject(const std::string& path, const appraise::Appraisal& appraisal) {
    Json object;
    object["type"] = "file";
    AddPath(object, path);
    object["verdict"] = appraise::VerdictName(appraisal.verdict);
    const bool known = appraisal.key != nullptr;
    object["key_name"] = known ? Json(appraisal.key->name) : Json(nullptr);
    object["key_id"] =
        appraisal.key_id.has_value() ? Json(ima::KeyIdText(*appraisal.key_id)) : Json(nullptr);
    object["ski"] =
        known ? Json(SubjectKeyIdentifierText(appraisal.key->certificate)) : Json(nullptr);
    object["hash_algorithm"] =
        appraisal.hash_name.empty() ? Json(nullptr) : Json(appraisal.hash_name);
    object["digest"] = appraisal.digest.has_value()
                           ? Json(base::HexEncode(appraisal.digest->value()))
                           : Json(nullptr);
    object["signature_version"] = appraisal.signature_version.has_value()
                                      ? Json(*appraisal.signature_version)
                                      : Json(nullptr);
    object["kernel_cause"] =
        appraisal.kernel_cause.empty() ? Json(nullptr) : Json(appraisal.kernel_cause);
    object["trust"] = trust_.source;
    const absl::optional<bool> in_keyring = InKernelKeyring(appraisal);
    object["in_kernel_keyring"] = in_keyring.has_value() ? Json(*in_keyring) : Json(nullptr);
    object["detail"] = appraisal.detail;
    object["warnings"] = appraisal.warnings;
    output_.Object(object);
  }

  void PrintLine(const std::string& path, const appraise::Appraisal& appraisal) {
    std::string rest;
    if (appraisal.verdict == Verdict::kValid) {
      absl::StrAppend(&rest, " (key ", appraisal.key->name, ", ", appraisal.hash_name, ")");
      const absl::optional<bool> in_keyring = InKernelKeyring(appraisal);
      if (in_keyring.has_value() && !*in_keyring) {
        absl::StrAppend(&rest,
                        "; but this kernel's keyring does not hold the key, so it refuses "
                        "the file (jet-ima load adds it)");
      }
      for (const std::string& warning : appraisal.warnings) absl::StrAppend(&rest, "; ", warning);
    } else {
      absl::StrAppend(&rest, ": ", appraisal.detail, RingHint(appraisal));
      if (!appraisal.kernel_cause.empty()) {
        absl::StrAppend(&rest, " [kernel: cause=", appraisal.kernel_cause, "]");
      }
    }
    output_.Result(
        {path, appraise::VerdictName(appraisal.verdict), rest, ToneOf(appraisal.verdict)});
  }

  // The reverse of the hint above: the kernel holds a key that is not among the trusted ones.
  std::string RingHint(const appraise::Appraisal& appraisal) const {
    if (appraisal.verdict != Verdict::kUnknownKey || !trust_.ring.has_value() ||
        !appraisal.key_id.has_value() || trust_.source == absl::string_view("keyring")) {
      return "";
    }
    for (const ima::KeyringMember& member : *trust_.ring) {
      if (!member.subject_key_identifier.has_value()) continue;
      if (base::Tail(*member.subject_key_identifier, appraisal.key_id->size()) ==
          base::ByteSpan(*appraisal.key_id)) {
        return "; but this kernel's keyring holds one that has it";
      }
    }
    return "";
  }

  Output& output_;
  const Trust& trust_;
  std::vector<crypto::Hasher> hashers_;
  const bool line_per_file_;
  std::mutex mutex_;
  std::map<Verdict, size_t> counts_;
  size_t not_in_keyring_ = 0;
  size_t skipped_ = 0;
  size_t unsigned_scripts_ = 0;
  size_t failed_ = 0;
};

absl::StatusOr<std::vector<ima::NamedCertificate>> CertificateFiles(
    const std::vector<std::string>& paths) {
  std::vector<ima::NamedCertificate> certificates;
  for (const std::string& path : paths) {
    JET_ASSIGN_OR_RETURN(pki::Certificate certificate, pki::Certificate::ReadFile(path));
    certificates.push_back({path, std::move(certificate)});
  }
  return certificates;
}

void WarnUnlessAuthenticated(Session& session, const keystore::StoredKey& key) {
  if (key.record_authenticated) return;
  session.output.Warning(absl::StrCat(
      "key '", key.name,
      "' is trusted unproven: without master.key nothing shows that its certificate is the one "
      "that was stored"));
}

// Returns the certificates of the named keys, of all keys where none is named. A keystore that
// nobody made yet holds none.
absl::StatusOr<std::vector<ima::NamedCertificate>> StoredCertificates(
    Session& session, const std::vector<std::string>& names) {
  std::vector<ima::NamedCertificate> certificates;
  const absl::StatusOr<keystore::Keystore> store =
      OpenKeystore(session, keystore::Access::kRead);
  if (absl::IsNotFound(store.status()) && names.empty()) return certificates;
  JET_RETURN_IF_ERROR(store.status());
  for (const std::string& name : names) {
    JET_ASSIGN_OR_RETURN(keystore::StoredKey key, store->Find(name));
    WarnUnlessAuthenticated(session, key);
    certificates.push_back({key.name, std::move(key.certificate)});
  }
  if (!names.empty()) return certificates;
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store->List());
  for (const keystore::StoredKey& key : listing.keys) {
    certificates.push_back({key.name, key.certificate});
    WarnUnlessAuthenticated(session, key);
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Warning(absl::StrCat("key '", damaged.name,
                                        "' is damaged and not trusted: ", damaged.error.message()));
  }
  return certificates;
}

// The members of the ring are trusted. Their certificates come from `at_hand`; without one, a
// member is known by its identifier only.
absl::StatusOr<Trust> TrustOfKeyring(Session& session, const AppraiseCommandOptions& options,
                                     const std::vector<ima::NamedCertificate>& at_hand) {
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kReport));
  if (!resolved.keyring.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("no keyring to trust: ", resolved.why_none));
  }
  JET_ASSIGN_OR_RETURN(std::vector<ima::KeyringMember> members, resolved.keyring->List());
  std::vector<ima::NamedCertificate> certificates;
  std::vector<base::Bytes> without;
  for (const ima::KeyringMember& member : members) {
    if (!member.subject_key_identifier.has_value()) continue;
    bool at_hand_too = false;
    // Every certificate with this identifier, as an identifier does not prove which one it is.
    for (const ima::NamedCertificate& candidate : at_hand) {
      if (!ima::HoldsKeyOf({member}, candidate.certificate)) continue;
      certificates.push_back(candidate);
      at_hand_too = true;
    }
    if (!at_hand_too) without.push_back(*member.subject_key_identifier);
  }
  return Trust{appraise::TrustSet(std::move(certificates), std::move(without)), "keyring",
               VisibleKeyringMembers(session)};
}

absl::StatusOr<Trust> OpenTrust(Session& session, const AppraiseCommandOptions& options) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_ASSIGN_OR_RETURN(std::vector<ima::NamedCertificate> certificates,
                       CertificateFiles(options.certificates));
  const bool only_files = !options.certificates.empty() && options.keys.empty();
  if (!only_files || options.keyring.has_value()) {
    JET_ASSIGN_OR_RETURN(const std::vector<ima::NamedCertificate> stored,
                         StoredCertificates(session, options.keys));
    certificates.insert(certificates.end(), stored.begin(), stored.end());
  }
  if (certificates.empty()) {
    session.output.Warning(
        absl::StrCat("no certificate is at hand: the keystore '", session.keystore, "' has none"));
  }
  if (options.keyring.has_value()) return TrustOfKeyring(session, options, certificates);
  return Trust{appraise::TrustSet(std::move(certificates)),
               options.certificates.empty() ? "keystore" : "certificate",
               VisibleKeyringMembers(session)};
}

void PrintSummary(Session& session, const AppraiseRun& run, bool scripts_judged) {
  if (run.not_in_keyring() > 0) {
    session.output.Warning(absl::StrCat(run.not_in_keyring(),
                                        " of the valid files are signed by keys that this "
                                        "kernel's keyring does not hold: it refuses them "
                                        "(jet-ima load adds the keys)"));
  }
  if (run.unsigned_scripts() > 0 && !scripts_judged) {
    session.output.Note(
        absl::StrCat(run.unsigned_scripts(),
                     " unsigned executable scripts were not judged; the kernel refuses one that is "
                     "executed itself (--scripts judges them)"));
  }
  Json object = {{"type", "summary"}, {"judged", run.judged()}};
  std::string line = absl::StrCat("judged ", run.judged());
  for (const Verdict verdict : appraise::AllVerdicts()) {
    const char* name = appraise::VerdictName(verdict);
    object[absl::StrReplaceAll(name, {{"-", "_"}})] = run.count(verdict);
    if (run.count(verdict) > 0) absl::StrAppend(&line, ", ", name, " ", run.count(verdict));
  }
  object["skipped"] = run.skipped();
  object["failed"] = run.failed();
  session.output.Object(object);
  session.output.Line(absl::StrCat(line, ", skipped ", run.skipped(), ", failed ", run.failed()));
}

}  // namespace

absl::StatusOr<ExitStatus> RunAppraise(Session& session, AppraiseCommandOptions options) {
  JET_RETURN_IF_ERROR(CompleteFiles(session, options.files));
  JET_ASSIGN_OR_RETURN(const Trust trust, OpenTrust(session, options));
  const base::FileSelectionOptions selection =
      SelectionOf(options.files, base::NamedLinks::kFollow);
  const int workers = base::WorkerCount(options.files.jobs, options.files.paths, selection);
  AppraiseRun run(session, trust, workers, /*line_per_file=*/!options.files.recursive);
  base::RunOverFiles(options.files.paths, selection, workers, run);
  PrintSummary(session, run, options.files.scripts);
  if (run.failed() > 0) return ExitStatus::kCouldNotDo;
  if (run.judged() == 0 && !options.files.allow_empty) {
    return absl::FailedPreconditionError(
        "no file was found to appraise (--allow-empty makes that no failure)");
  }
  return run.count(Verdict::kValid) == run.judged() ? ExitStatus::kGood : ExitStatus::kNo;
}

RunFunction DeclareAppraise(OptionParser& parser) {
  auto options = std::make_shared<AppraiseCommandOptions>();
  DeclareFiles(parser, options->files);
  parser.Value("--key", options->keys, "NAME", "Trust this key of the keystore; may be repeated");
  parser.Value("--x509-cert", options->certificates, "FILE",
               "Trust the key of this certificate, DER or PEM; may be repeated");
  parser.Value("--keyring", options->keyring, "RING",
               "Trust the keys of this keyring whose certificates are at hand");
  return [options](Session& session) { return RunAppraise(session, *options); };
}

}  // namespace jet::cli
