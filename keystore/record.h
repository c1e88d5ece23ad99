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
// hexadecimal.
struct Record {
  std::string name;
  std::string subject_key_identifier;
  std::string certificate_sha256;                  // of certificate.der
  absl::optional<std::string> private_key_sha256;  // of private-key.pem, when there is one
  std::string store_key_id;  // of the store key that made the HMAC and opens the private key
  KeyOrigin origin = KeyOrigin::kImported;
  absl::Time created;  // whole seconds
};

// record.json is two lines: the record, a JSON object, and {"hmac_sha256":"<64 digits>"}.
// The HMAC is over the bytes of the first line with its newline.
struct RecordFile {
  std::string line;  // the first, with its newline
  Record record;     // what it says
  base::Bytes hmac;  // what the second says
};

// Returns the first line of record.json for `record`.
std::string EncodeRecord(const Record& record);

// Returns the content of record.json.
std::string EncodeRecordFile(absl::string_view line, base::ByteSpan hmac);

// Decodes the content of record.json. Nothing in it is proven until the HMAC is checked. There is
// one encoding of every record: DATA_LOSS names what is missing, unknown or written otherwise,
// UNIMPLEMENTED an unknown format version.
absl::StatusOr<RecordFile> DecodeRecordFile(base::ByteSpan content);

}  // namespace jet::keystore

#endif  // JET_KEYSTORE_RECORD_H_
