// The signature in the file's own attribute.
#ifndef JET_SIGN_XATTR_STORE_H_
#define JET_SIGN_XATTR_STORE_H_

#include "sign/signature_store.h"

namespace jet::sign {

// security.ima of the open file `fd`, which may be open for reading only. Writing reads back, and
// takes back what it wrote when the file changed meanwhile. PERMISSION_DENIED, UNIMPLEMENTED, ...
// when the attribute could not be written (base/xattr.h).
class XattrStore : public SignatureStore {
 public:
  // `fd` stays the caller's and must outlive this object.
  explicit XattrStore(int fd) : fd_(fd) {}

  absl::StatusOr<absl::optional<base::Bytes>> Read() const override;
  absl::Status Write(const base::Bytes& value, const base::ChangeGuard& guard) override;
  absl::Status TakeBack(const base::Bytes& value,
                        const absl::optional<base::Bytes>& before) override;

 private:
  int fd_;
};

}  // namespace jet::sign

#endif  // JET_SIGN_XATTR_STORE_H_
