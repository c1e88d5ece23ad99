#include "keystore/record.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hex.h"
#include "base/status_macros.h"

namespace jet::keystore {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kFormat1 = 1;
constexpr uint64_t kFormat2 = 2;  // what format 1 cannot say

constexpr char kFormat[] = "format";
constexpr char kName[] = "name";
constexpr char kSubjectKeyIdentifier[] = "subject_key_identifier";
constexpr char kCertificateSha256[] = "certificate_sha256";
constexpr char kRequestSha256[] = "request_sha256";
constexpr char kPrivateKeySha256[] = "private_key_sha256";
constexpr char kPrivateKeyUri[] = "private_key_uri";
constexpr char kStoreKeyId[] = "store_key_id";
constexpr char kOrigin[] = "origin";
constexpr char kCreated[] = "created";

constexpr std::array<absl::string_view, 10> kMembers = {kFormat,
                                                        kName,
                                                        kSubjectKeyIdentifier,
                                                        kCertificateSha256,
                                                        kRequestSha256,
                                                        kPrivateKeySha256,
                                                        kPrivateKeyUri,
                                                        kStoreKeyId,
                                                        kOrigin,
                                                        kCreated};

constexpr char kGenerated[] = "generated";
constexpr char kImported[] = "imported";

constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%SZ";  // RFC 3339, UTC

// RFC 7512.
constexpr char kPkcs11Scheme[] = "pkcs11:";
constexpr char kPinAttribute[] = "pin-value=";
constexpr size_t kMaxUri = 1024;

constexpr char kHmacStart[] = "{\"hmac_sha256\":\"";
constexpr char kHmacEnd[] = "\"}\n";
constexpr size_t kHmacSize = 32;

absl::Status CheckVersion(const Json& object) {
  const auto format = object.find(kFormat);
  if (format == object.end() || !format->is_number_unsigned()) {
    return absl::DataLossError("the record has no format version");
  }
  const uint64_t version = *format->get_ptr<const Json::number_unsigned_t*>();
  if (version == kFormat1 || version == kFormat2) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("the record is of format version ", version,
                                               "; this program knows versions ", kFormat1, " and ",
                                               kFormat2));
}

absl::Status CheckMembers(const Json& object) {
  for (const auto& item : object.items()) {
    if (std::find(kMembers.begin(), kMembers.end(), item.key()) == kMembers.end()) {
      return absl::DataLossError(
          absl::StrCat("the record has an unknown member '", item.key(), "'"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TextOf(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end()) {
    return absl::DataLossError(absl::StrCat("the record has no member '", member, "'"));
  }
  if (!found->is_string()) {
    return absl::DataLossError(absl::StrCat("the record's '", member, "' is not a string"));
  }
  return *found->get_ptr<const std::string*>();
}

absl::StatusOr<absl::optional<std::string>> OptionalTextOf(const Json& object, const char* member) {
  if (!object.contains(member)) return absl::optional<std::string>();
  absl::StatusOr<std::string> text = TextOf(object, member);
  JET_RETURN_IF_ERROR(text.status());
  return absl::optional<std::string>(*std::move(text));
}

// The certificate, or the request while there is none.
absl::Status DecodeDocument(const Json& object, Record& record) {
  if (object.contains(kRequestSha256)) {
    JET_ASSIGN_OR_RETURN(record.request_sha256, TextOf(object, kRequestSha256));
    return absl::OkStatus();
  }
  JET_ASSIGN_OR_RETURN(record.subject_key_identifier, TextOf(object, kSubjectKeyIdentifier));
  JET_ASSIGN_OR_RETURN(record.certificate_sha256, TextOf(object, kCertificateSha256));
  return absl::OkStatus();
}

absl::Status DecodePrivateKeyPlace(const Json& object, Record& record) {
  JET_ASSIGN_OR_RETURN(record.private_key_sha256, OptionalTextOf(object, kPrivateKeySha256));
  JET_ASSIGN_OR_RETURN(const absl::optional<std::string> uri,
                       OptionalTextOf(object, kPrivateKeyUri));
  record.private_key_uri = uri.value_or(std::string());
  if (record.private_key_sha256.has_value() && uri.has_value()) {
    return absl::DataLossError("the record has two private keys");
  }
  if (record.waits() && !record.private_key_sha256.has_value() && !uri.has_value()) {
    return absl::DataLossError("the record is of a key that waits and has no private key");
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyOrigin> OriginOf(const Json& object) {
  JET_ASSIGN_OR_RETURN(const std::string text, TextOf(object, kOrigin));
  if (text == kGenerated) return KeyOrigin::kGenerated;
  if (text == kImported) return KeyOrigin::kImported;
  return absl::DataLossError(absl::StrCat("the record has an unknown origin '", text, "'"));
}

absl::StatusOr<absl::Time> CreatedOf(const Json& object) {
  JET_ASSIGN_OR_RETURN(const std::string text, TextOf(object, kCreated));
  absl::Time created;
  std::string error;
  if (absl::ParseTime(kTimeFormat, text, &created, &error)) return created;
  return absl::DataLossError(absl::StrCat("the record's time '", text, "' is not one"));
}

absl::StatusOr<Record> RecordOf(const Json& object) {
  Record record;
  JET_ASSIGN_OR_RETURN(record.name, TextOf(object, kName));
  JET_RETURN_IF_ERROR(DecodeDocument(object, record));
  JET_RETURN_IF_ERROR(DecodePrivateKeyPlace(object, record));
  JET_ASSIGN_OR_RETURN(record.store_key_id, TextOf(object, kStoreKeyId));
  JET_ASSIGN_OR_RETURN(record.origin, OriginOf(object));
  JET_ASSIGN_OR_RETURN(record.created, CreatedOf(object));
  return record;
}

absl::StatusOr<Record> DecodeRecord(absl::string_view line) {
  const Json object = Json::parse(line.begin(), line.end(), /*cb=*/nullptr,
                                  /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::DataLossError("the record is not a JSON object");
  JET_RETURN_IF_ERROR(CheckVersion(object));
  JET_RETURN_IF_ERROR(CheckMembers(object));
  JET_ASSIGN_OR_RETURN(Record record, RecordOf(object));
  const bool good_uri =
      record.private_key_uri.empty() || CheckPrivateKeyUri(record.private_key_uri).ok();
  // One encoding only: JSON readers differ about members that are there twice.
  if (!CheckKeyName(record.name).ok() || !good_uri || EncodeRecord(record) != line) {
    return absl::DataLossError("the record is not written as this program writes it");
  }
  return record;
}

absl::StatusOr<base::Bytes> DecodeHmac(absl::string_view line) {
  absl::string_view digits = line;
  if (absl::ConsumePrefix(&digits, kHmacStart) && absl::ConsumeSuffix(&digits, kHmacEnd)) {
    const absl::StatusOr<base::Bytes> hmac = base::HexDecode(digits);
    // Digits of the other case would be a second encoding.
    if (hmac.ok() && hmac->size() == kHmacSize && base::HexEncode(*hmac) == digits) return *hmac;
  }
  return absl::DataLossError("the second line is not an HMAC");
}

}  // namespace

absl::Status CheckPrivateKeyUri(absl::string_view uri) {
  const bool printable = std::all_of(uri.begin(), uri.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!printable || uri.size() > kMaxUri || !absl::StartsWith(uri, kPkcs11Scheme)) {
    return absl::InvalidArgumentError("a private key in a token is named by a pkcs11: URI");
  }
  if (absl::StrContains(uri, kPinAttribute)) {
    return absl::InvalidArgumentError("the URI of a private key must not hold a PIN");
  }
  return absl::OkStatus();
}

std::string EncodeRecord(const Record& record) {
  Json object;
  object[kFormat] = record.waits() || !record.private_key_uri.empty() ? kFormat2 : kFormat1;
  object[kName] = record.name;
  if (record.waits()) {
    object[kRequestSha256] = record.request_sha256;
  } else {
    object[kSubjectKeyIdentifier] = record.subject_key_identifier;
    object[kCertificateSha256] = record.certificate_sha256;
  }
  if (record.private_key_sha256.has_value()) object[kPrivateKeySha256] = *record.private_key_sha256;
  if (!record.private_key_uri.empty()) object[kPrivateKeyUri] = record.private_key_uri;
  object[kStoreKeyId] = record.store_key_id;
  object[kOrigin] = record.origin == KeyOrigin::kGenerated ? kGenerated : kImported;
  object[kCreated] = absl::FormatTime(kTimeFormat, record.created, absl::UTCTimeZone());
  // `replace`, as the default throws on bytes that are not UTF-8.
  return absl::StrCat(object.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace),
                      "\n");
}

std::string EncodeRecordFile(absl::string_view line, base::ByteSpan hmac) {
  return absl::StrCat(line, kHmacStart, base::HexEncode(hmac), kHmacEnd);
}

absl::StatusOr<RecordFile> DecodeRecordFile(base::ByteSpan content) {
  const absl::string_view text = base::AsText(content);
  const size_t newline = text.find('\n');
  if (newline == absl::string_view::npos) {
    return absl::DataLossError("the record has no whole first line");
  }
  RecordFile file;
  file.line = std::string(text.substr(0, newline + 1));
  JET_ASSIGN_OR_RETURN(file.record, DecodeRecord(file.line));
  JET_ASSIGN_OR_RETURN(file.hmac, DecodeHmac(text.substr(newline + 1)));
  return file;
}

}  // namespace jet::keystore
