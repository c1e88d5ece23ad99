#include "keystore/store_key.h"

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "crypto/hmac.h"

namespace jet::keystore {
namespace {

// What separates the uses of the store key from each other (docs/formats/keystore.md).
constexpr char kIdLabel[] = "jet keystore store key id v1";
constexpr char kRecordLabel[] = "jet keystore record v1";

constexpr size_t kIdSize = 8;
constexpr char kHexDigits[] = "0123456789abcdef";

absl::StatusOr<crypto::Secret> DeriveKey(const crypto::Secret& key, absl::string_view label) {
  JET_ASSIGN_OR_RETURN(base::Bytes derived, crypto::HmacSha256(key, base::AsBytes(label)));
  crypto::Secret secret = crypto::Secret::CopyOf(derived);
  crypto::Wipe(absl::MakeSpan(reinterpret_cast<char*>(derived.data()), derived.size()));
  return secret;
}

}  // namespace

absl::StatusOr<StoreKey> StoreKey::FromSecret(crypto::Secret key) {
  if (key.size() != kStoreKeySize) return absl::InternalError("a store key of the wrong size");
  JET_ASSIGN_OR_RETURN(const base::Bytes id, crypto::HmacSha256(key, base::AsBytes(kIdLabel)));
  JET_ASSIGN_OR_RETURN(crypto::Secret record_key, DeriveKey(key, kRecordLabel));
  return StoreKey(std::move(key), std::move(record_key),
                  base::HexEncode(base::ByteSpan(id).subspan(0, kIdSize)));
}

absl::StatusOr<base::Bytes> StoreKey::RecordHmac(base::ByteSpan record) const {
  return crypto::HmacSha256(record_key_, record);
}

crypto::Secret StoreKey::PrivateKeyPassphrase() const {
  // Not base::HexEncode: its std::string would leave the key behind in freed memory.
  crypto::Secret digits = crypto::Secret::OfSize(2 * kStoreKeySize);
  const absl::Span<uint8_t> out = digits.MutableBytes();
  const base::ByteSpan bytes = key_.Expose();
  for (size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = static_cast<uint8_t>(kHexDigits[bytes[i] >> 4]);
    out[2 * i + 1] = static_cast<uint8_t>(kHexDigits[bytes[i] & 0x0F]);
  }
  return digits;
}

const StoreKey* StoreKeys::Find(absl::string_view id) const {
  if (id == current_.id()) return &current_;
  return next_.has_value() && id == next_->id() ? &*next_ : nullptr;
}

std::string StoreKeys::Description() const {
  std::string text = absl::StrCat("master.key holds ", current_.id());
  if (next_.has_value()) absl::StrAppend(&text, ", master.key.next ", next_->id());
  if (!next_error_.ok()) {
    absl::StrAppend(
        &text, ", and the one that is being brought in cannot be had: ", next_error_.message());
  }
  return text;
}

}  // namespace jet::keystore
