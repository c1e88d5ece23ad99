#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "keystore/pending_work.h"

namespace jet::keystore {
namespace {

using Json = nlohmann::ordered_json;

// The second has renames as well, and is written only where there are some.
constexpr uint64_t kFirstVersion = 1;
constexpr uint64_t kVersionWithRenames = 2;
constexpr size_t kSha256Size = 32;

constexpr char kFormat[] = "format";
constexpr char kRemovals[] = "delete";
constexpr char kRenames[] = "rename";
constexpr char kFrom[] = "from";
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

absl::StatusOr<PendingRename> RenameOf(const Json& value) {
  if (!value.is_object() || !value.contains(kFrom) || !value.contains(kCertificateSha256)) {
    return Wrong("a rename is none");
  }
  const Json& from = *value.find(kFrom);
  if (!from.is_string()) return Wrong("a rename is none");
  PendingRename rename;
  rename.from = *from.get_ptr<const std::string*>();
  if (!CheckKeyName(rename.from).ok()) return Wrong("a name is none");
  JET_ASSIGN_OR_RETURN(rename.certificate_sha256, HashOf(*value.find(kCertificateSha256)));
  return rename;
}

absl::Status ReadRenames(const Json& object, PendingEntry& entry) {
  const auto renames = object.find(kRenames);
  if (renames == object.end()) return absl::OkStatus();
  if (!renames->is_array()) return Wrong("'rename' is not a list");
  for (const Json& value : *renames) {
    JET_ASSIGN_OR_RETURN(PendingRename rename, RenameOf(value));
    entry.renames.push_back(std::move(rename));
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
  if (version == kFirstVersion || version == kVersionWithRenames) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("the pending work is of format version ", version,
                                               "; this program knows versions ", kFirstVersion,
                                               " and ", kVersionWithRenames));
}

}  // namespace

bool PendingEntry::Removes(absl::string_view certificate_sha256) const {
  return std::find(removals.begin(), removals.end(), certificate_sha256) != removals.end();
}

void NotePut(PendingEntry& entry, const PendingPut& put) {
  DropStale(entry, /*stored_sha256=*/"");
  entry.put = put;
}

void NoteRemoval(PendingEntry& entry, const std::string& certificate_sha256) {
  DropStale(entry, certificate_sha256);
  if (!entry.Removes(certificate_sha256)) entry.removals.push_back(certificate_sha256);
}

void NoteRename(PendingEntry& entry, const RenameToNote& rename) {
  const std::string& sha256 = rename.certificate_sha256;
  const absl::optional<PendingPut>& old_put = rename.old_entry.put;
  NotePut(entry, {sha256, old_put.has_value() && old_put->certificate_sha256 == sha256 &&
                              old_put->with_private_key});
  // Beside a rename it would say that the key was deleted after it.
  std::erase(entry.removals, sha256);
  std::vector<PendingRename> renames = rename.old_entry.renames;
  renames.push_back({rename.from, sha256});
  for (const PendingRename& earlier : renames) {
    if (earlier.certificate_sha256 != sha256 || earlier.from == rename.to) continue;
    std::erase(entry.renames, earlier);
    entry.renames.push_back(earlier);
  }
}

void DropStale(PendingEntry& entry, absl::string_view stored_sha256) {
  std::erase_if(entry.removals,
                [&](const std::string& removal) { return stored_sha256 == removal; });
  std::erase_if(entry.renames, [&](const PendingRename& rename) {
    return stored_sha256 != rename.certificate_sha256 && !entry.Removes(rename.certificate_sha256);
  });
  if (entry.put.has_value() && stored_sha256 != entry.put->certificate_sha256) entry.put.reset();
}

std::string EncodePendingEntry(const PendingEntry& entry) {
  Json object;
  object[kFormat] = entry.renames.empty() ? kFirstVersion : kVersionWithRenames;
  if (!entry.removals.empty()) object[kRemovals] = entry.removals;
  for (const PendingRename& rename : entry.renames) {
    object[kRenames].push_back(
        {{kFrom, rename.from}, {kCertificateSha256, rename.certificate_sha256}});
  }
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
  JET_RETURN_IF_ERROR(ReadRenames(object, entry));
  JET_RETURN_IF_ERROR(ReadPut(object, entry));
  if (EncodePendingEntry(entry) != text) {
    return Wrong("it is not written as this program writes it");
  }
  return entry;
}

}  // namespace jet::keystore
