#include "cli/pin_keyring.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "appraise/appraisal.h"
#include "appraise/trust_set.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/unique_fd.h"
#include "base/xattr.h"
#include "crypto/signer.h"
#include "ima/mirror.h"
#include "ima/pin.h"
#include "ima/signature.h"
#include "sign/file_signer.h"
#include "sign/xattr_store.h"

namespace jet::cli {
namespace {

// Keys of the store that may prove the pin, the likelier ones first: every kernel with IMA can use
// RSA, not every one EC.
std::vector<keystore::StoredKey> PinCandidates(const keystore::KeyListing& listing,
                                               const std::vector<ima::KeyringMember>& members) {
  std::vector<keystore::StoredKey> candidates;
  for (const keystore::StoredKey& key : listing.keys) {
    if (ima::HoldsKeyOf(members, key.certificate)) candidates.push_back(key);
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

absl::Status SignPinProgram(const crypto::Signer& signer, const pki::Certificate& certificate,
                            int fd) {
  JET_ASSIGN_OR_RETURN(const sign::FileSigner file_signer,
                       sign::FileSigner::New(signer, certificate, {}, {}));
  crypto::Hasher hasher;
  sign::XattrStore store_in(fd);
  return file_signer.Sign(fd, store_in, hasher).status();
}

// This program itself, where one of `certificates` signed it; else not valid. Whatever keeps it
// from being that is no reason not to pin.
base::UniqueFd OwnSignedProgram(std::vector<ima::NamedCertificate> certificates) {
  absl::StatusOr<base::UniqueFd> program = base::OpenAt(AT_FDCWD, "/proc/self/exe", O_RDONLY);
  if (!program.ok()) return {};
  crypto::Hasher hasher;
  const appraise::TrustSet trust(std::move(certificates));
  const absl::StatusOr<appraise::Appraisal> appraisal =
      appraise::AppraiseFile(program->get(), trust, hasher);
  if (!appraisal.ok() || appraisal->verdict != appraise::Verdict::kValid) return {};
  return *std::move(program);
}

// Writes a signature that is merely well formed, which is enough for the kernel to look its keyring
// up.
absl::Status WriteEmptySignature(int fd) {
  JET_ASSIGN_OR_RETURN(const base::Bytes value,
                       ima::EncodeSignature({crypto::HashAlgorithm::kSha256, ima::KeyId{},
                                             base::Bytes(256, uint8_t{0})}));
  return base::SetXattr(fd, base::kSecurityIma, value);
}

absl::StatusOr<ExitStatus> Report(Session& session, ima::PinResult result,
                                  const std::string& folder) {
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
                             ": the kernel has looked its keyring up, but nothing signed by a key "
                             "of this keystore was at hand to prove which",
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

// What signs the pin program: the first private key of the store that opens, of those whose
// certificates are among `members`. A device should have none: there it is a signature that this
// program got from elsewhere.
class StoreSigner {
 public:
  static absl::StatusOr<StoreSigner> New(Session& session, const keystore::Keystore& store,
                                         const std::vector<ima::KeyringMember>& members) {
    JET_ASSIGN_OR_RETURN(const keystore::KeyListing listing, store.List());
    return StoreSigner(session, store, PinCandidates(listing, members));
  }

  absl::StatusOr<ima::PinSignature> operator()(int fd) const {
    for (const keystore::StoredKey& key : candidates_) {
      if (!key.holds_private_key()) continue;
      const absl::StatusOr<std::unique_ptr<crypto::Signer>> signer =
          OpenPinSigner(store_, key.name);
      if (!signer.ok()) {
        session_.output.Warning(
            absl::StrCat("key '", key.name, "' cannot prove the pin: ", signer.status().message()));
        continue;
      }
      JET_RETURN_IF_ERROR(SignPinProgram(**signer, key.certificate, fd));
      return ima::PinSignature{.by_key = true, .other_program = {}};
    }
    std::vector<ima::NamedCertificate> certificates;
    for (const keystore::StoredKey& key : candidates_) {
      certificates.push_back({key.name, key.certificate});
    }
    base::UniqueFd own = OwnSignedProgram(std::move(certificates));
    if (own.valid()) return ima::PinSignature{.by_key = true, .other_program = std::move(own)};
    JET_RETURN_IF_ERROR(WriteEmptySignature(fd));
    return ima::PinSignature{};
  }

 private:
  StoreSigner(Session& session, const keystore::Keystore& store,
              std::vector<keystore::StoredKey> candidates)
      : session_(session), store_(store), candidates_(std::move(candidates)) {}

  Session& session_;
  const keystore::Keystore& store_;
  std::vector<keystore::StoredKey> candidates_;
};

}  // namespace

std::string PinFolder(const absl::optional<std::string>& given) {
  if (given.has_value()) return *given;
  const char* temporary = std::getenv("TMPDIR");
  return temporary != nullptr && *temporary != '\0' ? temporary : "/var/tmp";
}

absl::StatusOr<ExitStatus> PinKeyring(Session& session, const std::string& folder,
                                      const keystore::Keystore& store,
                                      const std::vector<ima::KeyringMember>& members) {
  JET_ASSIGN_OR_RETURN(const StoreSigner signer, StoreSigner::New(session, store, members));
  JET_ASSIGN_OR_RETURN(const ima::PinResult result, ima::PinKeyring(folder, signer));
  return Report(session, result, folder);
}

absl::StatusOr<ExitStatus> PinKeyring(Session& session, const std::string& folder,
                                      const keystore::Keystore& store,
                                      const std::vector<ima::KeyringMember>& members,
                                      ima::PolicyLoader load) {
  JET_ASSIGN_OR_RETURN(const StoreSigner signer, StoreSigner::New(session, store, members));
  JET_ASSIGN_OR_RETURN(const ima::PinResult result, ima::PinKeyring(folder, signer, load));
  return Report(session, result, folder);
}

}  // namespace jet::cli
