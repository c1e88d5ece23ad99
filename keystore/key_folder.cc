#include "keystore/key_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/hmac.h"
#include "crypto/sha256_hex.h"
#include "keystore/ownership.h"
#include "keystore/record.h"

namespace jet::keystore {
namespace {

// How a file of the folder is named, how large it may be and who may read it.
struct FileRow {
  const char* name;
  size_t limit;  // bytes
  mode_t mode;
  OthersMay others;
};

constexpr FileRow kCertificate = {"certificate.der", pki::kMaxCertificateFile, 0644,
                                  OthersMay::kRead};
constexpr FileRow kRequest = {"request.der", pki::kMaxCertificateFile, 0644, OthersMay::kRead};
constexpr FileRow kPrivateKey = {"private-key.pem", 64 * 1024, 0600, OthersMay::kNothing};
constexpr FileRow kRecord = {"record.json", 16 * 1024, 0644, OthersMay::kRead};

// An open folder of a key.
struct OpenFolder {
  base::UniqueFd fd;
  std::string path;
};

std::string PathOf(absl::string_view folder_path, const FileRow& file) {
  return absl::StrCat(folder_path, "/", file.name);
}

std::string PathOf(const OpenFolder& folder, const FileRow& file) {
  return PathOf(folder.path, file);
}

std::string IdentifierHex(const pki::Certificate& certificate) {
  const auto& identifier = certificate.subject_key_identifier();
  return identifier.has_value() ? base::HexEncode(*identifier) : std::string();
}

absl::StatusOr<base::Bytes> ReadFileOf(const OpenFolder& folder, const FileRow& file) {
  const std::string path = PathOf(folder, file);
  JET_ASSIGN_OR_RETURN(const base::UniqueFd fd,
                       OpenOwnFile(folder.fd.get(), file.name, path, file.others));
  return base::ReadBounded(fd.get(), file.limit, path);
}

// As ReadFileOf, for a file without which a key is not whole.
absl::StatusOr<base::Bytes> ReadNeededFileOf(const OpenFolder& folder, const FileRow& file) {
  absl::StatusOr<base::Bytes> content = ReadFileOf(folder, file);
  if (!absl::IsNotFound(content.status())) return content;
  return absl::DataLossError(absl::StrCat("'", PathOf(folder, file), "' is missing"));
}

absl::Status WriteFileOf(const OpenFolder& folder, const FileRow& file, base::ByteSpan content) {
  return base::Annotate(base::WriteNewFileAt(folder.fd.get(), file.name, file.mode, content),
                        folder.path);
}

// Makes the folder and opens it.
absl::StatusOr<OpenFolder> MakeFolder(const KeyPlace& place) {
  JET_RETURN_IF_ERROR(MakeOwnFolder(place.parent, place.folder, place.path));
  OpenFolder folder = {base::UniqueFd(), place.path};
  JET_ASSIGN_OR_RETURN(folder.fd, OpenOwnFolder(place.parent, place.folder, place.path));
  return folder;
}

absl::Status WriteRecord(const OpenFolder& folder, const Record& record,
                         const StoreKey& store_key) {
  const std::string line = EncodeRecord(record);
  JET_ASSIGN_OR_RETURN(const base::Bytes hmac, store_key.RecordHmac(base::AsBytes(line)));
  return WriteFileOf(folder, kRecord, base::AsBytes(EncodeRecordFile(line, hmac)));
}

// Writes certificate.der or request.der, and what the record says of it.
absl::Status WriteDocument(const OpenFolder& folder, const KeyFiles& files, Record& record) {
  const base::Bytes& der = files.document_der();
  JET_ASSIGN_OR_RETURN(std::string sha256, crypto::Sha256Hex(der));
  if (files.waits()) {
    record.request_sha256 = std::move(sha256);
    return WriteFileOf(folder, kRequest, der);
  }
  record.subject_key_identifier = IdentifierHex(absl::get<pki::Certificate>(files.document));
  record.certificate_sha256 = std::move(sha256);
  return WriteFileOf(folder, kCertificate, der);
}

// Checks that the record was made by who has the store key.
absl::Status CheckHmac(const RecordFile& file, const StoreKeys& store_keys,
                       absl::string_view path) {
  const StoreKey* const store_key = store_keys.Find(file.record.store_key_id);
  if (store_key == nullptr) {
    return absl::DataLossError(absl::StrCat("'", path, "' was made under the store key ",
                                            file.record.store_key_id, ", and ",
                                            store_keys.Description()));
  }
  JET_ASSIGN_OR_RETURN(const base::Bytes hmac, store_key->RecordHmac(base::AsBytes(file.line)));
  if (crypto::EqualInConstantTime(hmac, file.hmac)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("'", path, "' was changed after it was written: its HMAC does not match"));
}

absl::StatusOr<RecordFile> ReadRecord(const OpenFolder& folder, absl::string_view name,
                                      const StoreKeys* store_keys) {
  const std::string path = PathOf(folder, kRecord);
  JET_ASSIGN_OR_RETURN(const base::Bytes content, ReadNeededFileOf(folder, kRecord));
  absl::StatusOr<RecordFile> file = DecodeRecordFile(content);
  if (!file.ok()) return base::Annotate(file.status(), absl::StrCat("'", path, "'"));
  if (store_keys != nullptr) JET_RETURN_IF_ERROR(CheckHmac(*file, *store_keys, path));
  if (file->record.name == name) return file;
  return absl::DataLossError(
      absl::StrCat("'", path, "' is the record of another key, '", file->record.name, "'"));
}

absl::Status CheckSha256(base::ByteSpan content, absl::string_view recorded,
                         absl::string_view path) {
  JET_ASSIGN_OR_RETURN(const std::string actual, crypto::Sha256Hex(content));
  if (actual == recorded) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("'", path, "' is not the file that its record names: ",
                                          "its SHA-256 is ", actual, ", recorded is ", recorded));
}

// A file that the record does not name is of another key, or of another time of this one.
absl::Status CheckAbsent(const OpenFolder& folder, const FileRow& file) {
  const absl::Status unexpected = ReadFileOf(folder, file).status();
  if (absl::IsNotFound(unexpected)) return absl::OkStatus();
  JET_RETURN_IF_ERROR(unexpected);
  return absl::DataLossError(
      absl::StrCat("there is '", PathOf(folder, file), "', which its record does not name"));
}

absl::StatusOr<base::Bytes> ReadRecordedFileOf(const OpenFolder& folder, const FileRow& file,
                                               absl::string_view sha256) {
  JET_ASSIGN_OR_RETURN(base::Bytes content, ReadNeededFileOf(folder, file));
  JET_RETURN_IF_ERROR(CheckSha256(content, sha256, PathOf(folder, file)));
  return content;
}

absl::Status CannotRead(const OpenFolder& folder, const FileRow& file, const absl::Status& error) {
  return absl::DataLossError(
      absl::StrCat("'", PathOf(folder, file), "' cannot be read: ", error.message()));
}

absl::StatusOr<pki::Certificate> ReadCertificate(const OpenFolder& folder, const Record& record) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content,
                       ReadRecordedFileOf(folder, kCertificate, record.certificate_sha256));
  absl::StatusOr<pki::Certificate> certificate = pki::Certificate::Decode(content);
  if (!certificate.ok()) return CannotRead(folder, kCertificate, certificate.status());
  JET_RETURN_IF_ERROR(CheckAbsent(folder, kRequest));
  const std::string identifier = IdentifierHex(*certificate);
  if (identifier == record.subject_key_identifier) return certificate;
  return absl::DataLossError(absl::StrCat("'", PathOf(folder, kCertificate),
                                          "' has the subject key identifier ", identifier,
                                          ", recorded is ", record.subject_key_identifier));
}

absl::StatusOr<pki::CertificateRequest> ReadRequest(const OpenFolder& folder,
                                                    const Record& record) {
  JET_ASSIGN_OR_RETURN(const base::Bytes content,
                       ReadRecordedFileOf(folder, kRequest, record.request_sha256));
  absl::StatusOr<pki::CertificateRequest> request = pki::CertificateRequest::Decode(content);
  if (!request.ok()) return CannotRead(folder, kRequest, request.status());
  JET_RETURN_IF_ERROR(CheckAbsent(folder, kCertificate));
  return request;
}

absl::StatusOr<absl::variant<pki::Certificate, pki::CertificateRequest>> ReadDocument(
    const OpenFolder& folder, const Record& record) {
  if (record.waits()) return ReadRequest(folder, record);
  return ReadCertificate(folder, record);
}

// Returns the encrypted private key, empty when neither record nor folder has one.
absl::StatusOr<base::Bytes> ReadPrivateKeyPem(const OpenFolder& folder, const Record& record) {
  if (record.private_key_sha256.has_value()) {
    return ReadRecordedFileOf(folder, kPrivateKey, *record.private_key_sha256);
  }
  JET_RETURN_IF_ERROR(CheckAbsent(folder, kPrivateKey));
  return base::Bytes();
}

}  // namespace

bool IsOwnFailure(const absl::Status& status) {
  const int error_number = base::ErrnoOf(status);
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
}

bool IsDamage(const absl::Status& status) {
  return (absl::IsDataLoss(status) || absl::IsUnimplemented(status)) && base::ErrnoOf(status) == 0;
}

const crypto::PublicKey& KeyFiles::public_key() const {
  return absl::visit(
      [](const auto& content) -> const crypto::PublicKey& { return content.public_key(); },
      document);
}

const base::Bytes& KeyFiles::document_der() const {
  return absl::visit([](const auto& content) -> const base::Bytes& { return content.der(); },
                     document);
}

StoredKey StoredKeyOf(const KeyFolder& folder) {
  const KeyFiles& files = folder.files;
  return {.name = files.name,
          .certificate = absl::get<pki::Certificate>(files.document),
          .certificate_path = PathOf(folder.path, kCertificate),
          .has_private_key = !files.private_key_pem.empty() || !files.private_key_uri.empty(),
          .private_key_uri = files.private_key_uri,
          .origin = files.origin,
          .created = files.created,
          .record_authenticated = folder.record_authenticated};
}

WaitingKey WaitingKeyOf(const KeyFolder& folder) {
  const KeyFiles& files = folder.files;
  return {.name = files.name,
          .request = absl::get<pki::CertificateRequest>(files.document),
          .request_path = PathOf(folder.path, kRequest),
          .origin = files.origin,
          .created = files.created,
          .record_authenticated = folder.record_authenticated};
}

absl::StatusOr<base::Bytes> EncryptPrivateKey(const crypto::PrivateKey& private_key,
                                              const StoreKey& store_key) {
  return private_key.EncryptedPem(store_key.PrivateKeyPassphrase(), crypto::kRandomKeyIterations);
}

absl::Status WriteKeyFolder(const KeyPlace& place, const KeyFiles& files,
                            const StoreKey& store_key) {
  JET_ASSIGN_OR_RETURN(const OpenFolder folder, MakeFolder(place));
  Record record;
  record.name = files.name;
  record.origin = files.origin;
  record.created = files.created;
  record.store_key_id = store_key.id();
  record.private_key_uri = files.private_key_uri;
  JET_RETURN_IF_ERROR(WriteDocument(folder, files, record));
  if (!files.private_key_pem.empty()) {
    JET_ASSIGN_OR_RETURN(record.private_key_sha256, crypto::Sha256Hex(files.private_key_pem));
    JET_RETURN_IF_ERROR(WriteFileOf(folder, kPrivateKey, files.private_key_pem));
  }
  JET_RETURN_IF_ERROR(WriteRecord(folder, record, store_key));
  return base::Sync(folder.fd.get(), folder.path);
}

absl::StatusOr<KeyFolder> ReadKeyFolder(const KeyPlace& place, absl::string_view name,
                                        const StoreKeys* store_keys) {
  OpenFolder folder = {base::UniqueFd(), place.path};
  JET_ASSIGN_OR_RETURN(folder.fd, OpenOwnFolder(place.parent, place.folder, place.path));
  JET_ASSIGN_OR_RETURN(RecordFile file, ReadRecord(folder, name, store_keys));
  Record& record = file.record;
  JET_ASSIGN_OR_RETURN(auto document, ReadDocument(folder, record));
  JET_ASSIGN_OR_RETURN(base::Bytes private_key_pem, ReadPrivateKeyPem(folder, record));
  KeyFiles files = {.name = std::move(record.name),
                    .document = std::move(document),
                    .private_key_pem = std::move(private_key_pem),
                    .private_key_uri = std::move(record.private_key_uri),
                    .origin = record.origin,
                    .created = record.created};
  return KeyFolder{std::move(files), place.path, std::move(record.store_key_id),
                   /*record_authenticated=*/store_keys != nullptr};
}

absl::StatusOr<crypto::PrivateKey> OpenPrivateKeyOf(const KeyFolder& folder,
                                                    const StoreKeys& store_keys) {
  if (!folder.files.private_key_uri.empty()) {
    return absl::UnimplementedError(absl::StrCat("the private key of '", folder.files.name,
                                                 "' is in a token ('", folder.files.private_key_uri,
                                                 "'), and this program cannot use tokens yet"));
  }
  const std::string path = PathOf(folder.path, kPrivateKey);
  const StoreKey* const store_key = store_keys.Find(folder.store_key_id);
  if (store_key == nullptr) {
    return absl::DataLossError(absl::StrCat("'", path, "' is under the store key ",
                                            folder.store_key_id, ", and ",
                                            store_keys.Description()));
  }
  const auto passphrase = [store_key]() -> absl::StatusOr<crypto::Secret> {
    return store_key->PrivateKeyPassphrase();
  };
  absl::StatusOr<crypto::PrivateKey> key =
      crypto::PrivateKey::Decode(crypto::Secret::CopyOf(folder.files.private_key_pem), passphrase);
  if (!key.ok()) {
    return absl::DataLossError(
        absl::StrCat("'", path, "' does not open with the store key: ", key.status().message()));
  }
  if (key->public_key() == folder.files.public_key()) return key;
  return absl::DataLossError(absl::StrCat("the private key '", path, "' does not belong to the ",
                                          folder.files.waits() ? "request" : "certificate",
                                          " beside it"));
}

}  // namespace jet::keystore
