#include "keystore/key_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
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
constexpr FileRow kPrivateKey = {"private-key.pem", 64 * 1024, 0600, OthersMay::kNothing};
constexpr FileRow kRecord = {"record.json", 16 * 1024, 0644, OthersMay::kRead};

// An open folder of a key.
struct OpenFolder {
  base::UniqueFd fd;
  std::string path;
};

std::string PathOf(const OpenFolder& folder, const FileRow& file) {
  return absl::StrCat(folder.path, "/", file.name);
}

absl::StatusOr<std::string> Sha256Hex(base::ByteSpan bytes) {
  JET_ASSIGN_OR_RETURN(const crypto::Digest digest,
                       crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, bytes));
  return base::HexEncode(digest.value());
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

// Writes the files of a key and syncs the folder. `private_key_pem` is empty when there is none.
// Fills in what `record` says of the files and of the store key.
absl::Status WriteFiles(const OpenFolder& folder, const pki::Certificate& certificate,
                        base::ByteSpan private_key_pem, Record record, const StoreKey& store_key) {
  record.subject_key_identifier = IdentifierHex(certificate);
  JET_ASSIGN_OR_RETURN(record.certificate_sha256, Sha256Hex(certificate.der()));
  JET_RETURN_IF_ERROR(WriteFileOf(folder, kCertificate, certificate.der()));
  if (!private_key_pem.empty()) {
    JET_ASSIGN_OR_RETURN(record.private_key_sha256, Sha256Hex(private_key_pem));
    JET_RETURN_IF_ERROR(WriteFileOf(folder, kPrivateKey, private_key_pem));
  }
  record.store_key_id = store_key.id();
  JET_RETURN_IF_ERROR(WriteRecord(folder, record, store_key));
  return base::Sync(folder.fd.get(), folder.path);
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
  JET_ASSIGN_OR_RETURN(const std::string actual, Sha256Hex(content));
  if (actual == recorded) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("'", path, "' is not the file that its record names: ",
                                          "its SHA-256 is ", actual, ", recorded is ", recorded));
}

absl::StatusOr<pki::Certificate> ReadCertificate(const OpenFolder& folder, const Record& record) {
  const std::string path = PathOf(folder, kCertificate);
  JET_ASSIGN_OR_RETURN(const base::Bytes content, ReadNeededFileOf(folder, kCertificate));
  JET_RETURN_IF_ERROR(CheckSha256(content, record.certificate_sha256, path));
  absl::StatusOr<pki::Certificate> certificate = pki::Certificate::Decode(content);
  if (!certificate.ok()) {
    return absl::DataLossError(
        absl::StrCat("'", path, "' cannot be read: ", certificate.status().message()));
  }
  const std::string identifier = IdentifierHex(*certificate);
  if (identifier == record.subject_key_identifier) return certificate;
  return absl::DataLossError(absl::StrCat("'", path, "' has the subject key identifier ",
                                          identifier, ", recorded is ",
                                          record.subject_key_identifier));
}

// Returns the encrypted private key, empty when neither record nor folder has one.
absl::StatusOr<base::Bytes> ReadPrivateKeyPem(const OpenFolder& folder, const Record& record) {
  const std::string path = PathOf(folder, kPrivateKey);
  if (record.private_key_sha256.has_value()) {
    JET_ASSIGN_OR_RETURN(base::Bytes content, ReadNeededFileOf(folder, kPrivateKey));
    JET_RETURN_IF_ERROR(CheckSha256(content, *record.private_key_sha256, path));
    return content;
  }
  const absl::Status unexpected = ReadFileOf(folder, kPrivateKey).status();
  if (absl::IsNotFound(unexpected)) return base::Bytes();
  JET_RETURN_IF_ERROR(unexpected);
  return absl::DataLossError(absl::StrCat("there is '", path, "', which its record does not name"));
}

}  // namespace

bool IsOwnFailure(const absl::Status& status) {
  const int error_number = base::ErrnoOf(status);
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
}

bool IsDamage(const absl::Status& status) {
  return (absl::IsDataLoss(status) || absl::IsUnimplemented(status)) &&
         base::ErrnoOf(status) == 0;
}

absl::Status WriteKeyFolder(const KeyPlace& place, const NewKey& key, const StoreKey& store_key,
                            absl::Time created) {
  JET_ASSIGN_OR_RETURN(const OpenFolder folder, MakeFolder(place));
  base::Bytes pem;
  if (key.private_key != nullptr) {
    JET_ASSIGN_OR_RETURN(pem, key.private_key->EncryptedPem(store_key.PrivateKeyPassphrase(),
                                                            crypto::kRandomKeyIterations));
  }
  Record record;
  record.name = key.name;
  record.origin = key.origin;
  record.created = created;
  return WriteFiles(folder, key.certificate, pem, std::move(record), store_key);
}

absl::Status WriteRenamedKeyFolder(const KeyPlace& place, const KeyFolder& key,
                                   absl::string_view new_name, const StoreKey& store_key) {
  JET_ASSIGN_OR_RETURN(const OpenFolder folder, MakeFolder(place));
  Record record;
  record.name = std::string(new_name);
  record.origin = key.key.origin;
  record.created = key.key.created;
  return WriteFiles(folder, key.key.certificate, key.private_key_pem, std::move(record), store_key);
}

absl::StatusOr<KeyFolder> ReadKeyFolder(const KeyPlace& place, absl::string_view name,
                                        const StoreKeys* store_keys) {
  OpenFolder folder = {base::UniqueFd(), place.path};
  JET_ASSIGN_OR_RETURN(folder.fd, OpenOwnFolder(place.parent, place.folder, place.path));
  JET_ASSIGN_OR_RETURN(const RecordFile file, ReadRecord(folder, name, store_keys));
  JET_ASSIGN_OR_RETURN(pki::Certificate certificate, ReadCertificate(folder, file.record));
  JET_ASSIGN_OR_RETURN(base::Bytes private_key_pem, ReadPrivateKeyPem(folder, file.record));
  StoredKey key = {.name = file.record.name,
                   .certificate = std::move(certificate),
                   .certificate_path = PathOf(folder, kCertificate),
                   .has_private_key = file.record.private_key_sha256.has_value(),
                   .origin = file.record.origin,
                   .created = file.record.created,
                   .record_authenticated = store_keys != nullptr};
  return KeyFolder{std::move(key), file.record.store_key_id, PathOf(folder, kPrivateKey),
                   std::move(private_key_pem)};
}

absl::StatusOr<crypto::PrivateKey> OpenPrivateKeyOf(const KeyFolder& folder,
                                                    const StoreKeys& store_keys) {
  const StoreKey* const store_key = store_keys.Find(folder.store_key_id);
  if (store_key == nullptr) {
    return absl::DataLossError(absl::StrCat("'", folder.private_key_path,
                                            "' is under the store key ", folder.store_key_id,
                                            ", and ", store_keys.Description()));
  }
  const auto passphrase = [store_key]() -> absl::StatusOr<crypto::Secret> {
    return store_key->PrivateKeyPassphrase();
  };
  absl::StatusOr<crypto::PrivateKey> key =
      crypto::PrivateKey::Decode(crypto::Secret::CopyOf(folder.private_key_pem), passphrase);
  if (!key.ok()) {
    return absl::DataLossError(
        absl::StrCat("'", folder.private_key_path,
                     "' does not open with the store key: ", key.status().message()));
  }
  if (key->public_key() == folder.key.certificate.public_key()) return key;
  return absl::DataLossError(absl::StrCat("the private key '", folder.private_key_path,
                                          "' does not belong to the certificate beside it"));
}

}  // namespace jet::keystore
