#include "pki/signature_algorithm.h"

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "absl/strings/str_cat.h"
#include "crypto/openssl_error.h"
#include "crypto/openssl_types.h"

namespace jet::pki {
namespace {

using EvpMdPtr = crypto::OpenSslPtr<EVP_MD, EVP_MD_free>;

bool HasHash(int nid) {
  // Ed25519 brings its hash along, RSA-PSS names it in its parameters.
  if (nid == NID_undef) return true;
  return EvpMdPtr(EVP_MD_fetch(nullptr, OBJ_nid2sn(nid), nullptr)) != nullptr;
}

}  // namespace

crypto::HashAlgorithm HashFor(const crypto::PublicKey& key) {
  return key.type().name == "ec:p384" ? crypto::HashAlgorithm::kSha384
                                      : crypto::HashAlgorithm::kSha256;
}

absl::Status CheckCanVerify(int nid, absl::string_view what) {
  int hash = NID_undef;
  int key = NID_undef;
  if (OBJ_find_sigid_algs(nid, &hash, &key) == 1 && HasHash(hash)) return absl::OkStatus();
  crypto::DropOpenSslErrors();
  const char* const name = nid == NID_undef ? nullptr : OBJ_nid2ln(nid);
  return absl::UnimplementedError(absl::StrCat(what, " is signed with an algorithm that cannot be ",
                                               "verified", name == nullptr ? "" : ": ",
                                               name == nullptr ? "" : name));
}

}  // namespace jet::pki
