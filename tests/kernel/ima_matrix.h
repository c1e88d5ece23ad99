// The rows for the kernel with .ima: certificates of a CA, ECDSA, fs-verity and a rule with
// appraise_algos=.
#ifndef JET_TESTS_KERNEL_IMA_MATRIX_H_
#define JET_TESTS_KERNEL_IMA_MATRIX_H_

#include <string>
#include <vector>

#include "tests/kernel/rows.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {

// A certificate that the guest offers to one of its rings with keyctl.
struct OfferedCertificate {
  std::string name;
  std::string ring;
  std::string refusal;  // a part of what keyctl says; empty: the ring takes it
};

// Files with owners of their own are judged by rules of their own (Policy).
class ImaMatrix : public RowSet {
 public:
  explicit ImaMatrix(const Workshop& workshop);

  // In the order in which they are to be offered.
  const std::vector<OfferedCertificate>& offered() const { return offered_; }

  // The certificates that jet-appraise is to trust for rows that name none: those of .ima whose
  // keys are not blacklisted.
  const std::vector<std::string>& trusted() const { return trusted_; }

  // Rules that go before the base policy's, one a line.
  static std::vector<std::string> Policy();

  // What the guest does before the policy is loaded: makes fs-verity files of some.
  const std::string& preparation() const { return preparation_; }

  // Rows that the kernel is to run on a second try although it refused the first.
  static constexpr char kDeniedHash[] = "algos-sha1";

 private:
  void AddCertificates();
  void AddGoodPrograms();
  void AddWeakHashes();
  void AddRefusedKeys();
  void AddWithoutIdentifier();
  void AddPlainPrograms();
  void AddMutations();
  void AddAppraiseAlgos();
  void AddVerity();
  void AddEnabledUnderBasePolicy();
  void AddVerityMutations();

  // Issues a certificate and offers it to .ima.
  void Offer(const CertificateRequest& request, const std::string& refusal = "");

  // A program that is an fs-verity file in the guest, judged by the rule for these.
  std::filesystem::path AddVerityProgram(const std::string& name, const std::string& verdict,
                                         const std::string& cause,
                                         const std::string& tree_hash = "sha256");
  void SignVerity(const std::filesystem::path& file, const SigningKey& key);

  std::vector<OfferedCertificate> offered_;
  std::vector<std::string> trusted_;
  std::string preparation_;
};

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_IMA_MATRIX_H_
