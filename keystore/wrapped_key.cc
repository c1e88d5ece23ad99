#include "keystore/wrapped_key.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/pbes2.h"
#include "keystore/store_key.h"

namespace jet::keystore {
namespace {

constexpr char kCheckLabel[] = "jet keystore wrapped store key v1";
constexpr size_t kCheckSize = 32;
constexpr size_t kLineSize = 64;

std::string BeginLine() { return absl::StrCat("-----BEGIN ", kWrappedKeyLabel, "-----\n"); }
std::string EndLine() { return absl::StrCat("-----END ", kWrappedKeyLabel, "-----\n"); }

// Shows, once the key is decrypted, that the passphrase was right.
absl::StatusOr<base::Bytes> CheckValue(const crypto::Secret& key) {
  return crypto::HmacSha256(key, base::AsBytes(kCheckLabel));
}

absl::StatusOr<std::string> EncodePem(base::ByteSpan der) {
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                       crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, der));
  std::string text = absl::StrCat(BeginLine(), "SHA256: ", base::HexEncode(digest.value()), "\n\n");
  std::string base64;
  absl::Base64Escape(base::AsText(der), &base64);
  for (size_t at = 0; at < base64.size(); at += kLineSize) {
    absl::StrAppend(&text, absl::string_view(base64).substr(at, kLineSize), "\n");
  }
  absl::StrAppend(&text, EndLine());
  return text;
}

absl::Status Damaged() {
  return absl::DataLossError(
      "the protected store key is damaged: it is not as it was written; restore it from a backup");
}

// Returns the DER that a whole PEM text holds.
absl::StatusOr<base::Bytes> DecodePem(base::ByteSpan content) {
  absl::string_view body = base::AsText(content);
  const size_t blank = body.find("\n\n");
  if (blank == body.npos || !absl::ConsumeSuffix(&body, EndLine())) return Damaged();
  std::string der;
  if (!absl::Base64Unescape(absl::StrReplaceAll(body.substr(blank), {{"\n", ""}}), &der)) {
    return Damaged();
  }
  // One text only: then no byte can change unnoticed, and damage is told from a wrong passphrase.
  JET_ASSIGN_OR_RETURN(const std::string text, EncodePem(base::AsBytes(der)));
  if (text != base::AsText(content)) return Damaged();
  return base::ToBytes(base::AsBytes(der));
}

}  // namespace

absl::StatusOr<base::Bytes> WrapKey(const crypto::Secret& key, const crypto::Secret& passphrase) {
  JET_ASSIGN_OR_RETURN(const base::Bytes check, CheckValue(key));
  crypto::Secret plaintext = crypto::Secret::OfSize(key.size() + check.size());
  const base::ByteSpan bytes = key.Expose();
  const auto position = std::copy(bytes.begin(), bytes.end(), plaintext.MutableBytes().begin());
  std::copy(check.begin(), check.end(), position);
  JET_ASSIGN_OR_RETURN(const base::Bytes der,
                       crypto::EncryptPbes2(plaintext, passphrase, crypto::kPassphraseIterations));
  JET_ASSIGN_OR_RETURN(const std::string text, EncodePem(der));
  return base::ToBytes(base::AsBytes(text));
}

bool IsWrappedKey(base::ByteSpan content) {
  return absl::StartsWith(base::AsText(content), "-----BEGIN ");
}

absl::Status CheckWrappedKey(base::ByteSpan content) { return DecodePem(content).status(); }

absl::StatusOr<crypto::Secret> UnwrapKey(base::ByteSpan content, const crypto::Secret& passphrase) {
  JET_ASSIGN_OR_RETURN(const base::Bytes der, DecodePem(content));
  absl::StatusOr<crypto::Secret> plaintext = crypto::DecryptPbes2(der, passphrase);
  if (absl::IsInvalidArgument(plaintext.status())) {
    return absl::DataLossError(plaintext.status().message());
  }
  JET_RETURN_IF_ERROR(plaintext.status());
  if (plaintext->size() == kStoreKeySize + kCheckSize) {
    const base::Bytes check = base::ToBytes(plaintext->Expose().subspan(kStoreKeySize));
    plaintext->Truncate(kStoreKeySize);
    JET_ASSIGN_OR_RETURN(const base::Bytes expected, CheckValue(*plaintext));
    if (crypto::EqualInConstantTime(check, expected)) return plaintext;
  }
  return absl::PermissionDeniedError("wrong passphrase");
}

}  // namespace jet::keystore
