#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "keystore/pending_work.h"

namespace jet::keystore {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kFormatVersion = 1;
constexpr size_t kSha256Size = 32;

constexpr char kFormat[] = "format";
constexpr char kRemovals[] = "delete";
constexpr char kPut[] = "put";
constexpr char kCertificateSha256[] = "certificate_sha256";
constexpr char kPrivateKey[] = "private_key";

absl::Status Wrong(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the pending work is damaged: ", what));
}

absl::StatusOr<std::string> HashOf(const Json& value) {
  if (!value.is_string()) return Wrong("a hash is not a string");
  const std::string& text = *value.get_ptr<const std::string*>();
  const absl::StatusOr<base::Bytes> bytes = base::HexDecode(text);
  if (!bytes.ok() || bytes->size() != kSha256Size) return Wrong("a hash is none");
  return text;
}

absl::Status ReadRemovals(const Json& object, PendingEntry& entry) {
  const auto removals = object.find(kRemovals);
  if (removals == object.end()) return absl::OkStatus();
  if (!removals->is_array()) return Wrong("'delete' is not a list");
  for (const Json& value : *removals) {
    JET_ASSIGN_OR_RETURN(std::string hash, HashOf(value));
    entry.removals.push_back(std::move(hash));
  }
  return absl::OkStatus();
}

absl::Status ReadPut(const Json& object, PendingEntry& entry) {
  const auto put = object.find(kPut);
  if (put == object.end()) return absl::OkStatus();
  if (!put->is_object() || !put->contains(kCertificateSha256)) return Wrong("'put' is no key");
  const auto private_key = put->find(kPrivateKey);
  if (private_key == put->end() || !private_key->is_boolean()) return Wrong("'put' is no key");
  PendingPut read;
  JET_ASSIGN_OR_RETURN(read.certificate_sha256, HashOf(*put->find(kCertificateSha256)));
  read.with_private_key = *private_key->get_ptr<const Json::boolean_t*>();
  entry.put = std::move(read);
  return absl::OkStatus();
}

absl::Status CheckVersion(const Json& object) {
  const auto format = object.find(kFormat);
  if (format == object.end() || !format->is_number_unsigned()) {
    return Wrong("it has no format version");
  }
  const uint64_t version = *format->get_ptr<const Json::number_unsigned_t*>();
  if (version == kFormatVersion) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("the pending work is of format version ", version,
                                               "; this program knows version ", kFormatVersion));
}

}  // namespace

void NotePut(PendingEntry& entry, const PendingPut& put) {
  DropStale(entry, put.certificate_sha256);
  entry.put = put;
}

void NoteRemoval(PendingEntry& entry, const std::string& certificate_sha256) {
  entry.put.reset();
  if (std::find(entry.removals.begin(), entry.removals.end(), certificate_sha256) ==
      entry.removals.end()) {
    entry.removals.push_back(certificate_sha256);
  }
}

void DropStale(PendingEntry& entry, absl::string_view stored_sha256) {
  std::erase_if(entry.removals,
                [&](const std::string& removal) { return stored_sha256 == removal; });
  if (entry.put.has_value() && stored_sha256 != entry.put->certificate_sha256) entry.put.reset();
}

std::string EncodePendingEntry(const PendingEntry& entry) {
  Json object;
  object[kFormat] = kFormatVersion;
  if (!entry.removals.empty()) object[kRemovals] = entry.removals;
  if (entry.put.has_value()) {
    Json put;
    put[kCertificateSha256] = entry.put->certificate_sha256;
    put[kPrivateKey] = entry.put->with_private_key;
    object[kPut] = std::move(put);
  }
  return absl::StrCat(object.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace),
                      "\n");
}

absl::StatusOr<PendingEntry> DecodePendingEntry(base::ByteSpan content) {
  const absl::string_view text = base::AsText(content);
  const Json object = Json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                                  /*allow_exceptions=*/false);
  if (!object.is_object()) return Wrong("it is not a JSON object");
  JET_RETURN_IF_ERROR(CheckVersion(object));
  PendingEntry entry;
  JET_RETURN_IF_ERROR(ReadRemovals(object, entry));
  JET_RETURN_IF_ERROR(ReadPut(object, entry));
  if (EncodePendingEntry(entry) != text) {
    return Wrong("it is not written as this program writes it");
  }
  return entry;
}

}  // namespace jet::keystore
