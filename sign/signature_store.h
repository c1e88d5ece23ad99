// Where the signature of one file is kept.
#ifndef JET_SIGN_SIGNATURE_STORE_H_
#define JET_SIGN_SIGNATURE_STORE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/change_guard.h"

namespace jet::sign {

// The place of one file's signature, which is always the exact value of security.ima. For one
// thread.
class SignatureStore {
 public:
  virtual ~SignatureStore() = default;

  // Returns what is there; nullopt when nothing is.
  virtual absl::StatusOr<absl::optional<base::Bytes>> Read() const = 0;

  // Puts `value` there, a signature over what the file was when `guard` began to watch it. ABORTED
  // when the file has changed since: then `value` is not there.
  virtual absl::Status Write(const base::Bytes& value, const base::ChangeGuard& guard) = 0;

  // Puts back `before`, which was there before `value` was written; what somebody else put there
  // since stays. UNIMPLEMENTED where that cannot be done.
  virtual absl::Status TakeBack(const base::Bytes& /*value*/,
                                const absl::optional<base::Bytes>& /*before*/) {
    return absl::UnimplementedError("what is written there stays");
  }
};

// No place: whoever asked for the signature gets it with the outcome and keeps it.
class NoStore : public SignatureStore {
 public:
  absl::StatusOr<absl::optional<base::Bytes>> Read() const override {
    return absl::optional<base::Bytes>();
  }
  absl::Status Write(const base::Bytes& /*value*/, const base::ChangeGuard& guard) override {
    return guard.Check();
  }
};

}  // namespace jet::sign

#endif  // JET_SIGN_SIGNATURE_STORE_H_
