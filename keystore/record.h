// record.json: what a keystore knows of a key besides its certificate.
#ifndef JET_KEYSTORE_RECORD_H_
#define JET_KEYSTORE_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "keystore/keystore.h"

namespace jet::keystore {

// The record of one key. It binds the name to the files. All texts are ASCII, bytes are lower-case
// hexadecimal. A key has a certificate, or while it waits for one a certificate request.
struct Record {
  std::string name;
  std::string subject_key_identifier;              // of the certificate; empty without one
  std::string certificate_sha256;                  // of certificate.der; empty without one
  std::string request_sha256;                      // of request.der; empty with a certificate
  absl::optional<std::string> private_key_sha256;  // of private-key.pem, when there is one
  std::string private_key_uri;  // where in a token the private key is (RFC 7512); else empty
  std::string store_key_id;     // of the store key that made the HMAC and opens the private key
  KeyOrigin origin = KeyOrigin::kImported;
  absl::Time created;  // whole seconds

  bool waits() const { return !request_sha256.empty(); }
};

// OK for a URI that a record may name a private key by: `pkcs11:` (RFC 7512), printable ASCII, at
// most 1,024 bytes, and without a PIN, as records are no secrets. INVALID_ARGUMENT otherwise.
absl::Status CheckPrivateKeyUri(absl::string_view uri);

// record.json is two lines: the record, a JSON object, and {"hmac_sha256":"<64 digits>"}.
// The HMAC is over the bytes of the first line with its newline.
struct RecordFile {
  std::string line;  // the first, with its newline
  Record record;     // what it says
  base::Bytes hmac;  // what the second says
};

// Returns the first line of record.json for `record`: in format 1, or in format 2 when the key
// waits or its private key is in a token, which programs that know format 1 only must not miss.
std::string EncodeRecord(const Record& record);

// Returns the content of record.json.
std::string EncodeRecordFile(absl::string_view line, base::ByteSpan hmac);

// Decodes the content of record.json. Nothing in it is proven until the HMAC is checked. There is
// one encoding of every record: DATA_LOSS names what is missing, unknown or written otherwise,
// UNIMPLEMENTED an unknown format version.
absl::StatusOr<RecordFile> DecodeRecordFile(base::ByteSpan content);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_RECORD_H_
