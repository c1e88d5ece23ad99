#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "cli/command.h"
#include "cli/keyring_option.h"
#include "cli/option_parser.h"
#include "crypto/signer.h"
#include "ima/mirror.h"
#include "ima/pin.h"
#include "ima/signature.h"
#include "keystore/keystore.h"
#include "sign/file_signer.h"

namespace jet::cli {
namespace {

struct LoadOptions {
  absl::optional<std::string> keyring;
  bool pin = false;
  absl::optional<std::string> pin_folder;
};

std::vector<ima::NamedCertificate> CertificatesOf(const keystore::KeyListing& listing) {
  std::vector<ima::NamedCertificate> certificates;
  for (const keystore::StoredKey& key : listing.keys) {
    certificates.push_back({key.name, key.certificate});
  }
  return certificates;
}

void Report(Session& session, const std::string& name, const char* word, const std::string& keyring,
            const absl::Status& error) {
  Json object = {{"type", "key"}, {"name", name}, {"mirror", word}, {"keyring", keyring}};
  if (!error.ok()) {
    object["error"] = std::string(error.message());
    session.output.Error(absl::StrCat("key '", name, "': ", error.message()));
  }
  session.output.Object(object);
  session.output.Result(
      {name, word, absl::StrCat(" (", keyring, ")"), error.ok() ? Tone::kGood : Tone::kBad});
}

struct LoadCounts {
  size_t added = 0;
  size_t present = 0;
  size_t foreign = 0;
  size_t failed = 0;
};

absl::StatusOr<LoadCounts> MirrorAll(Session& session, const ima::Keyring& keyring,
                                     const keystore::KeyListing& listing) {
  JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
  const ima::MirrorPlan plan = ima::PlanMirror(CertificatesOf(listing), members);
  LoadCounts counts;
  counts.foreign = plan.foreign.size();
  for (const ima::MirrorResult& result : ima::ApplyMirror(plan.present, members, keyring)) {
    ++(result.added.ok() ? counts.present : counts.failed);
    Report(session, result.name, result.added.ok() ? "present" : "refused", keyring.name(),
           result.added.status());
  }
  for (const ima::MirrorResult& result : ima::ApplyMirror(plan.missing, members, keyring)) {
    ++(result.added.ok() ? counts.added : counts.failed);
    Report(session, result.name, result.added.ok() ? "added" : "refused", keyring.name(),
           result.added.status());
  }
  for (const keystore::DamagedKey& damaged : listing.damaged) {
    session.output.Error(
        absl::StrCat("key '", damaged.name, "' is damaged: ", damaged.error.message()));
    ++counts.failed;
  }
  return counts;
}

void PrintSummary(Session& session, const std::string& keyring, const LoadCounts& counts) {
  session.output.Object({{"type", "summary"},
                         {"keyring", keyring},
                         {"added", counts.added},
                         {"present", counts.present},
                         {"foreign", counts.foreign},
                         {"failed", counts.failed}});
  session.output.Line(absl::StrCat("added ", counts.added, ", present ", counts.present,
                                   ", foreign ", counts.foreign, ", failed ", counts.failed));
}

// Keys of the store that may prove the pin, the likelier ones first: every kernel with IMA can use
// RSA, not every one EC.
std::vector<keystore::StoredKey> PinCandidates(const keystore::KeyListing& listing,
                                               const std::vector<ima::KeyringMember>& members) {
  std::vector<keystore::StoredKey> candidates;
  for (const keystore::StoredKey& key : listing.keys) {
    if (key.has_private_key && ima::HoldsKeyOf(members, key.certificate)) candidates.push_back(key);
  }
  std::stable_partition(candidates.begin(), candidates.end(), [](const keystore::StoredKey& key) {
    return key.certificate.public_key().type().algorithm == crypto::KeyAlgorithm::kRsa;
  });
  return candidates;
}

absl::StatusOr<std::unique_ptr<crypto::Signer>> OpenPinSigner(const keystore::Keystore& store,
                                                              const std::string& name) {
  JET_ASSIGN_OR_RETURN(crypto::PrivateKey private_key, store.OpenPrivateKey(name));
  return crypto::MakeSigner(std::move(private_key));
}

// Signs the pin program with the first candidate that opens; else writes a signature that is merely
// well formed, which is enough for the kernel to look its keyring up.
absl::StatusOr<bool> SignPinProgram(Session& session, const keystore::Keystore& store,
                                    const std::vector<keystore::StoredKey>& candidates, int fd) {
  for (const keystore::StoredKey& key : candidates) {
    const absl::StatusOr<std::unique_ptr<crypto::Signer>> signer = OpenPinSigner(store, key.name);
    if (!signer.ok()) {
      session.output.Warning(
          absl::StrCat("key '", key.name, "' cannot prove the pin: ", signer.status().message()));
      continue;
    }
    JET_ASSIGN_OR_RETURN(const sign::FileSigner file_signer,
                         sign::FileSigner::New(**signer, key.certificate, {}, {}));
    crypto::Hasher hasher;
    JET_RETURN_IF_ERROR(file_signer.Sign(fd, hasher).status());
    return true;
  }
  JET_ASSIGN_OR_RETURN(const base::Bytes value,
                       ima::EncodeSignature({crypto::HashAlgorithm::kSha256, ima::KeyId{},
                                             base::Bytes(256, uint8_t{0})}));
  JET_RETURN_IF_ERROR(base::SetXattr(fd, base::kSecurityIma, value));
  return false;
}

// Where the pin program is executed from: it must be a file system that the policy appraises.
std::string PinFolder(const LoadOptions& options) {
  if (options.pin_folder.has_value()) return *options.pin_folder;
  const char* temporary = std::getenv("TMPDIR");
  return temporary != nullptr && *temporary != '\0' ? temporary : "/var/tmp";
}

absl::StatusOr<ExitStatus> Pin(Session& session, const LoadOptions& options,
                               const keystore::Keystore& store,
                               const std::vector<keystore::StoredKey>& candidates) {
  const std::string folder = PinFolder(options);
  JET_ASSIGN_OR_RETURN(const ima::PinResult result,
                       ima::PinKeyring(folder, [&](int fd) -> absl::StatusOr<bool> {
                         return SignPinProgram(session, store, candidates, fd);
                       }));
  switch (result) {
    case ima::PinResult::kPinned:
      session.output.Object({{"type", "check"}, {"check", "pin"}, {"result", "pinned"}});
      session.output.Result({"pin", "pinned",
                             ": an unsigned program was refused and a signed one ran; the kernel "
                             "keeps this keyring until it restarts",
                             Tone::kGood});
      return ExitStatus::kGood;
    case ima::PinResult::kUnproven:
      session.output.Object({{"type", "check"}, {"check", "pin"}, {"result", "unproven"}});
      session.output.Result({"pin", "unproven",
                             ": the kernel has looked its keyring up, but no file signed by a key "
                             "of this keystore ran to prove which",
                             Tone::kDoubtful});
      return ExitStatus::kNo;
    case ima::PinResult::kNotAppraising:
      break;
  }
  session.output.Object({{"type", "check"}, {"check", "pin"}, {"result", "not-appraising"}});
  return absl::FailedPreconditionError(
      absl::StrCat("cannot pin the keyring: an unsigned program ran in '", folder,
                   "', so no policy that appraises this file system is loaded yet"));
}

absl::StatusOr<ExitStatus> RunLoad(Session& session, const LoadOptions& options) {
  JET_RETURN_IF_ERROR(CheckKeyring(session, options.keyring));
  JET_ASSIGN_OR_RETURN(const keystore::Keystore store,
                       keystore::Keystore::Open(session.keystore, keystore::Access::kRead));
  JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
  JET_ASSIGN_OR_RETURN(const ima::ResolvedKeyring resolved,
                       FindKeyring(session, options.keyring, ima::MissingKeyring::kCreate));
  if (!resolved.keyring.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("nothing was loaded: ", resolved.why_none));
  }
  const ima::Keyring& keyring = *resolved.keyring;
  JET_ASSIGN_OR_RETURN(const LoadCounts counts, MirrorAll(session, keyring, listing));
  absl::StatusOr<ExitStatus> pinned = ExitStatus::kGood;
  if (options.pin && keyring.trusted()) {
    // Only _ima can be taken by another user.
    session.output.Note("the kernel's own .ima keyring needs no pinning");
  } else if (options.pin) {
    JET_ASSIGN_OR_RETURN(const std::vector<ima::KeyringMember> members, keyring.List());
    pinned = Pin(session, options, store, PinCandidates(listing, members));
  }
  PrintSummary(session, keyring.name(), counts);
  JET_RETURN_IF_ERROR(pinned.status());
  return counts.failed == 0 ? *pinned : ExitStatus::kCouldNotDo;
}

}  // namespace

RunFunction DeclareImaLoad(OptionParser& parser) {
  auto options = std::make_shared<LoadOptions>();
  DeclareKeyring(parser, options->keyring);
  parser.Flag("--pin", options->pin,
              "Then run a bundled signed program, so that the kernel keeps this keyring and no "
              "other user's can take its place");
  parser.Value("--pin-folder", options->pin_folder, "DIR",
               "Folder, on an appraised file system, to run it from (TMPDIR, /var/tmp)");
  return [options](Session& session) { return RunLoad(session, *options); };
}

}  // namespace jet::cli
