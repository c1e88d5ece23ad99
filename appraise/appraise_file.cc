#include <sys/stat.h>

#include "absl/status/status.h"
#include "appraise/appraisal.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/xattr.h"
#include "crypto/verity_digest.h"

namespace jet::appraise {
namespace {

absl::Status Changed() { return absl::AbortedError("the file changed while it was being read"); }

using XattrSource = absl::FunctionRef<absl::StatusOr<absl::optional<base::Bytes>>()>;

struct FileUnderRule {
  int fd;
  Rule rule;
};

// `size` is that of the file.
absl::StatusOr<Appraisal> AppraiseOnce(const FileUnderRule& file, uint64_t size,
                                       const absl::optional<base::Bytes>& xattr,
                                       const TrustSet& trust, crypto::Hasher& hasher) {
  if (file.rule == Rule::kImasig) {
    return Appraise(xattr, trust, [&](crypto::HashAlgorithm hash) {
      return hasher.HashFile(file.fd, hash, size);
    });
  }
  JET_ASSIGN_OR_RETURN(const absl::optional<crypto::Digest> measured,
                       crypto::MeasureVerityDigest(file.fd));
  return AppraiseVerity(xattr, trust, measured, [&](crypto::HashAlgorithm hash) {
    return crypto::ComputeVerityDigest(file.fd, hash, size);
  });
}

absl::StatusOr<Appraisal> AppraiseUnchanged(const FileUnderRule& file, XattrSource read_xattr,
                                            const TrustSet& trust, crypto::Hasher& hasher) {
  const int fd = file.fd;
  JET_ASSIGN_OR_RETURN(const struct stat before, base::StatDescriptor(fd, "the file"));
  JET_ASSIGN_OR_RETURN(const absl::optional<base::Bytes> xattr, read_xattr());
  const uint64_t size = static_cast<uint64_t>(before.st_size);
  absl::StatusOr<Appraisal> appraisal = AppraiseOnce(file, size, xattr, trust, hasher);
  JET_ASSIGN_OR_RETURN(const struct stat after, base::StatDescriptor(fd, "the file"));
  if (before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
      before.st_mtim.tv_nsec != after.st_mtim.tv_nsec ||
      before.st_ctim.tv_sec != after.st_ctim.tv_sec ||
      before.st_ctim.tv_nsec != after.st_ctim.tv_nsec) {
    return Changed();
  }
  return appraisal;
}

}  // namespace

absl::StatusOr<Appraisal> AppraiseFile(int fd, const TrustSet& trust, crypto::Hasher& hasher,
                                       Rule rule) {
  return AppraiseUnchanged(
      {fd, rule}, [fd] { return base::GetXattr(fd, base::kSecurityIma); }, trust, hasher);
}

absl::StatusOr<Appraisal> AppraiseFileWith(int fd, const absl::optional<base::Bytes>& xattr,
                                           const TrustSet& trust, crypto::Hasher& hasher,
                                           Rule rule) {
  return AppraiseUnchanged(
      {fd, rule}, [&xattr] { return xattr; }, trust, hasher);
}

}  // namespace jet::appraise
