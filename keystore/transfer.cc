#include "keystore/transfer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "crypto/sha256_hex.h"
#include "keystore/keystore.h"
#include "keystore/transfer_frame.h"

namespace jet::keystore {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kIdSize = 16;
constexpr size_t kSha256Size = 32;
constexpr size_t kMaxIdentifier = 1024;  // bytes of a subject key identifier

constexpr char kId[] = "id";
constexpr char kName[] = "name";
constexpr char kNewName[] = "new_name";
constexpr char kSubjectKeyIdentifier[] = "subject_key_identifier";
constexpr char kCertificateSha256[] = "certificate_sha256";
constexpr char kPrivateKey[] = "private_key";
constexpr char kStatus[] = "status";
constexpr char kMessage[] = "message";
constexpr char kKeys[] = "keys";

struct StatusRow {
  TransferStatus status;
  const char* word;
};

constexpr std::array<StatusRow, 6> kStatuses = {{{TransferStatus::kDone, "done"},
                                                 {TransferStatus::kAlready, "already"},
                                                 {TransferStatus::kMissing, "missing"},
                                                 {TransferStatus::kConflict, "conflict"},
                                                 {TransferStatus::kRefused, "refused"},
                                                 {TransferStatus::kFailed, "failed"}}};

struct OperationRow {
  TransferOperation operation;
  FrameKind kind;
};

constexpr std::array<OperationRow, 4> kOperations = {
    {{TransferOperation::kPut, FrameKind::kPut},
     {TransferOperation::kDelete, FrameKind::kDelete},
     {TransferOperation::kRename, FrameKind::kRename},
     {TransferOperation::kList, FrameKind::kList}}};

absl::Status WrongHeader(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the record's header is wrong: ", what));
}

std::string Dump(const Json& object) {
  // `replace`, as the default throws on bytes that are not UTF-8.
  return object.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

absl::StatusOr<Json> ParseHeader(base::ByteSpan header) {
  const absl::string_view text = base::AsText(header);
  Json object = Json::parse(text.begin(), text.end(), /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return WrongHeader("it is not a JSON object");
  return object;
}

absl::StatusOr<std::string> TextOf(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) {
    return WrongHeader(absl::StrCat("'", member, "' is not a string"));
  }
  return *found->get_ptr<const std::string*>();
}

absl::StatusOr<bool> TruthOf(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_boolean()) {
    return WrongHeader(absl::StrCat("'", member, "' is not true or false"));
  }
  return *found->get_ptr<const Json::boolean_t*>();
}

absl::Status CheckDigits(absl::string_view text, size_t least, size_t most, const char* member) {
  const absl::StatusOr<base::Bytes> bytes = base::HexDecode(text);
  // Digits of the other case would be a second encoding.
  if (bytes.ok() && bytes->size() >= least && bytes->size() <= most &&
      base::HexEncode(*bytes) == text) {
    return absl::OkStatus();
  }
  return WrongHeader(absl::StrCat("'", member, "' is not what it should be"));
}

std::string RequestHeader(const TransferRequest& request) {
  Json object;
  object[kId] = request.id;
  if (request.operation == TransferOperation::kList) return Dump(object);
  object[kName] = request.name;
  if (request.operation == TransferOperation::kRename) object[kNewName] = request.new_name;
  if (request.operation == TransferOperation::kPut) {
    object[kSubjectKeyIdentifier] = request.subject_key_identifier;
  }
  object[kCertificateSha256] = request.certificate_sha256;
  return Dump(object);
}

absl::StatusOr<std::string> KeyNameOf(const Json& object, const char* member) {
  JET_ASSIGN_OR_RETURN(std::string name, TextOf(object, member));
  const absl::Status good = CheckKeyName(name);
  if (!good.ok()) return WrongHeader(good.message());
  return name;
}

absl::Status ReadNewName(const Json& object, TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(request.new_name, KeyNameOf(object, kNewName));
  if (request.new_name != request.name) return absl::OkStatus();
  return WrongHeader("the new name is the old one");
}

absl::Status ReadRequestHeader(const Json& object, TransferRequest& request) {
  JET_ASSIGN_OR_RETURN(request.id, TextOf(object, kId));
  JET_RETURN_IF_ERROR(CheckDigits(request.id, kIdSize, kIdSize, kId));
  if (request.operation == TransferOperation::kList) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(request.name, KeyNameOf(object, kName));
  if (request.operation == TransferOperation::kRename) {
    JET_RETURN_IF_ERROR(ReadNewName(object, request));
  }
  JET_ASSIGN_OR_RETURN(request.certificate_sha256, TextOf(object, kCertificateSha256));
  JET_RETURN_IF_ERROR(
      CheckDigits(request.certificate_sha256, kSha256Size, kSha256Size, kCertificateSha256));
  if (request.operation != TransferOperation::kPut) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(request.subject_key_identifier, TextOf(object, kSubjectKeyIdentifier));
  return CheckDigits(request.subject_key_identifier, 1, kMaxIdentifier, kSubjectKeyIdentifier);
}

absl::Status CheckCertificateHash(const TransferRequest& request) {
  if (request.operation != TransferOperation::kPut) return absl::OkStatus();
  JET_ASSIGN_OR_RETURN(const std::string actual, crypto::Sha256Hex(request.certificate));
  if (actual == request.certificate_sha256) return absl::OkStatus();
  return WrongHeader("its hash is that of another certificate");
}

absl::StatusOr<TransferOperation> OperationOf(FrameKind kind) {
  for (const OperationRow& row : kOperations) {
    if (row.kind == kind) return row.operation;
  }
  return absl::InvalidArgumentError("the record is a reply, and a request is wanted");
}

FrameKind KindOf(TransferOperation operation) {
  const auto* const row = std::find_if(
      kOperations.begin(), kOperations.end(),
      [operation](const OperationRow& candidate) { return candidate.operation == operation; });
  return row->kind;
}

const char* StatusWord(TransferStatus status) {
  const auto* const row =
      std::find_if(kStatuses.begin(), kStatuses.end(),
                   [status](const StatusRow& candidate) { return candidate.status == status; });
  return row->word;
}

absl::StatusOr<TransferStatus> ParseStatus(absl::string_view word) {
  for (const StatusRow& row : kStatuses) {
    if (word == row.word) return row.status;
  }
  return WrongHeader(absl::StrCat("its status is unknown: '", word, "'"));
}

Json KeyObject(const PeerKey& key) {
  Json object;
  object[kName] = key.name;
  object[kCertificateSha256] = key.certificate_sha256;
  object[kPrivateKey] = key.has_private_key;
  return object;
}

absl::StatusOr<PeerKey> KeyOf(const Json& object) {
  if (!object.is_object()) return WrongHeader("a key of the listing is not an object");
  PeerKey key;
  JET_ASSIGN_OR_RETURN(key.name, KeyNameOf(object, kName));
  JET_ASSIGN_OR_RETURN(key.certificate_sha256, TextOf(object, kCertificateSha256));
  if (!key.certificate_sha256.empty()) {
    JET_RETURN_IF_ERROR(
        CheckDigits(key.certificate_sha256, kSha256Size, kSha256Size, kCertificateSha256));
  }
  JET_ASSIGN_OR_RETURN(key.has_private_key, TruthOf(object, kPrivateKey));
  return key;
}

std::string ReplyHeader(const TransferReply& reply) {
  Json object;
  object[kId] = reply.id;
  object[kStatus] = StatusWord(reply.status);
  object[kPrivateKey] = reply.has_private_key;
  object[kMessage] = reply.message;
  Json keys = Json::array();
  for (const PeerKey& key : reply.keys) keys.push_back(KeyObject(key));
  object[kKeys] = std::move(keys);
  return Dump(object);
}

absl::Status ReadKeys(const Json& object, TransferReply& reply) {
  const auto keys = object.find(kKeys);
  if (keys == object.end() || !keys->is_array()) return WrongHeader("'keys' is not a list");
  for (const Json& item : *keys) {
    JET_ASSIGN_OR_RETURN(PeerKey key, KeyOf(item));
    // In order and once each, so that nobody reads the one and acts on the other.
    if (!reply.keys.empty() && reply.keys.back().name >= key.name) {
      return WrongHeader("its keys are not in order");
    }
    reply.keys.push_back(std::move(key));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NewTransferId() {
  JET_ASSIGN_OR_RETURN(const crypto::Secret bytes, crypto::RandomSecret(kIdSize));
  return base::HexEncode(bytes.Expose());
}

absl::StatusOr<crypto::Secret> EncodeTransferRequest(const TransferRequest& request) {
  const std::string header = RequestHeader(request);
  return EncodeFrame({KindOf(request.operation), base::AsBytes(header), request.certificate,
                      request.private_key.Expose()});
}

absl::StatusOr<TransferRequest> DecodeTransferRequest(base::ByteSpan record) {
  JET_ASSIGN_OR_RETURN(const TransferFrame frame, DecodeFrame(record));
  TransferRequest request;
  JET_ASSIGN_OR_RETURN(request.operation, OperationOf(frame.kind));
  JET_ASSIGN_OR_RETURN(const Json object, ParseHeader(frame.header));
  JET_RETURN_IF_ERROR(ReadRequestHeader(object, request));
  // One encoding only: JSON readers differ about members that are there twice.
  if (RequestHeader(request) != base::AsText(frame.header)) {
    return WrongHeader("it is not written as this program writes it");
  }
  request.certificate = base::ToBytes(frame.certificate);
  request.private_key = crypto::Secret::CopyOf(frame.private_key);
  JET_RETURN_IF_ERROR(CheckCertificateHash(request));
  return request;
}

absl::StatusOr<base::Bytes> EncodeTransferReply(const TransferReply& reply) {
  const std::string header = ReplyHeader(reply);
  JET_ASSIGN_OR_RETURN(
      const crypto::Secret record,
      EncodeFrame({FrameKind::kReply, base::AsBytes(header), base::ByteSpan(), base::ByteSpan()}));
  return base::ToBytes(record.Expose());
}

absl::StatusOr<TransferReply> DecodeTransferReply(base::ByteSpan record) {
  JET_ASSIGN_OR_RETURN(const TransferFrame frame, DecodeFrame(record));
  if (frame.kind != FrameKind::kReply) {
    return absl::InvalidArgumentError("the record is a request, and a reply is wanted");
  }
  JET_ASSIGN_OR_RETURN(const Json object, ParseHeader(frame.header));
  TransferReply reply;
  JET_ASSIGN_OR_RETURN(reply.id, TextOf(object, kId));
  JET_ASSIGN_OR_RETURN(const std::string status, TextOf(object, kStatus));
  JET_ASSIGN_OR_RETURN(reply.status, ParseStatus(status));
  JET_ASSIGN_OR_RETURN(reply.has_private_key, TruthOf(object, kPrivateKey));
  JET_ASSIGN_OR_RETURN(reply.message, TextOf(object, kMessage));
  JET_RETURN_IF_ERROR(ReadKeys(object, reply));
  if (ReplyHeader(reply) != base::AsText(frame.header)) {
    return WrongHeader("it is not written as this program writes it");
  }
  return reply;
}

}  // namespace jet::keystore
