#include "tests/kernel/ima_matrix.h"

#include "tests/kernel/command.h"
#include "tests/kernel/mutations.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr char kSignatureRequired[] = "IMA-signature-required";
constexpr char kInvalidSignature[] = "invalid-signature";
constexpr char kInvalidVeritySignature[] = "invalid-verity-signature";
constexpr char kVeritySignatureRequired[] = "verity-signature-required";
constexpr char kSha256[] = "sha256";

constexpr char kIma[] = ".ima";
constexpr char kSecondary[] = ".secondary_trusted_keys";
constexpr char kBlacklist[] = ".ima_blacklist";
constexpr char kNoKey[] = "Required key not available";

// Ends the name of an intermediate CA, and so is the only key id of what it issued without a
// subject key identifier.
constexpr char kIssuerTail[] = "Wv8K";

// Who owns the files that the rules other than the base policy's are for.
constexpr char kVerityOwner[] = "2001";
constexpr char kAlgorithmsOwner[] = "2002";

const Expectation kValid = {"valid", "", {}};
const Expectation kUnknownKey = {"unknown-key", kInvalidSignature, {}};

}  // namespace

ImaMatrix::ImaMatrix(const Workshop& workshop) : RowSet(workshop) {
  AddCertificates();
  AddGoodPrograms();
  AddWeakHashes();
  AddRefusedKeys();
  AddWithoutIdentifier();
  AddPlainPrograms();
  AddMutations();
  AddAppraiseAlgos();
  AddVerity();
  AddEnabledUnderBasePolicy();
  AddVerityMutations();
}

std::vector<std::string> ImaMatrix::Policy() {
  // The kernel takes digest_type= only before appraise_type=.
  const std::string verity = " digest_type=verity appraise_type=sigv3";
  return {std::string("appraise func=BPRM_CHECK fowner=") + kVerityOwner + verity,
          std::string("appraise func=MMAP_CHECK mask=MAY_EXEC fowner=") + kVerityOwner + verity,
          std::string("appraise func=BPRM_CHECK fowner=") + kAlgorithmsOwner +
              " appraise_type=imasig appraise_algos=sha256,sha384,sha512"};
}

void ImaMatrix::Offer(const CertificateRequest& request, const std::string& refusal) {
  workshop().MakeCertificate(request);
  offered_.push_back({request.name, kIma, refusal});
  if (refusal.empty()) trusted_.push_back(request.name);
}

void ImaMatrix::AddCertificates() {
  Offer({"p256", "P-256", "p256", "hash", kLabCa});
  Offer({"p384", "P-384", "p384", "hash", kLabCa});
  Offer({"rsa2048", "rsa:2048", "rsa2048", "hash", kLabCa});
  Offer({"rsa4096", "rsa:4096", "rsa4096", "hash", kLabCa});
  // A leaf is taken only once its issuer is trusted.
  workshop().MakeCertificate({"inter", "P-256", "intermediate", "hash", kLabCa, true});
  Offer({"early", "P-256", "early", "hash", "inter"}, kNoKey);
  offered_.push_back({"inter", kSecondary, ""});
  Offer({"by-inter", "P-256", "by inter", "hash", "inter"});
}

void ImaMatrix::AddGoodPrograms() {
  for (const std::string key : {"p256", "p384", "rsa2048", "rsa4096", "by-inter"}) {
    for (const std::string hash : {"sha256", "sha384", "sha512"}) {
      workshop().SignAll({AddProgram(key + "-" + hash, kValid)}, {key, hash});
    }
  }
}

// jet-sign makes none of these, but the kernel takes them, so jet-appraise does, with a warning.
void ImaMatrix::AddWeakHashes() {
  for (const std::string key : {"p256", "p384", "rsa2048"}) {
    for (const std::string hash : {"sha1", "sha224"}) {
      workshop().SignWithEvmctl(AddProgram(key + "-" + hash, kValid), key, hash);
    }
  }
  workshop().SignWithEvmctl(AddProgram("rsa2048-md5", kValid), "rsa2048", "md5");
  // Its ECDSA knows sha1 and the sha2 family only (software_key_determine_akcipher).
  workshop().SignWithEvmctl(AddProgram("p256-md5", {"unsupported", kInvalidSignature, {}}), "p256",
                            "md5");
}

void ImaMatrix::AddRefusedKeys() {
  Offer({"self-signed", "P-256", "self-signed"}, kNoKey);
  workshop().SignWithFiles(AddProgram("key-self-signed", kUnknownKey), "self-signed");
  workshop().SignWithFiles(AddProgram("key-without-issuer", kUnknownKey), "early");
  // The ring takes it and then never uses it.
  workshop().MakeCertificate({"blacklisted", "P-256", "blacklisted", "hash", kLabCa});
  offered_.push_back({"blacklisted", kIma, ""});
  offered_.push_back({"blacklisted", kBlacklist, ""});
  workshop().SignWithFiles(AddProgram("key-blacklisted", kUnknownKey), "blacklisted");
}

void ImaMatrix::AddWithoutIdentifier() {
  workshop().MakeCertificate(
      {"tail", "P-256", std::string("intermediate ") + kIssuerTail, "hash", kLabCa, true});
  offered_.push_back({"tail", kSecondary, ""});
  Offer({"no-ski", "P-256", "no ski", "none", "tail"});
  // The key id that evmctl makes is the end of the public key's hash, which names nothing here.
  workshop().SignWithEvmctl(AddProgram("no-ski-hash-of-key", kUnknownKey), "no-ski", kSha256);
  const fs::path file = AddProgram("no-ski-issuer-tail", kValid);
  workshop().SignWithEvmctl(file, "no-ski", kSha256);
  std::string attribute = ReadImaAttribute(file);
  SetKeyId(attribute, kIssuerTail);
  FinishWith(attribute);
}

void ImaMatrix::AddPlainPrograms() {
  AddProgram("unsigned", {"no-signature", kSignatureRequired, {}});
  workshop().HashWithEvmctl(AddProgram("hash-only", {"hash-only", kSignatureRequired, {}}));
  const fs::path appended = AddProgram("byte-appended", {"mismatch", kInvalidSignature, {}});
  workshop().SignAll({appended}, {"p384", "sha384"});
  AppendByte(appended);
}

void ImaMatrix::AddMutations() {
  for (const Mutation& mutation : Mutations()) {
    const fs::path file =
        AddProgram("p256-" + mutation.name, {mutation.verdict, mutation.cause, {}});
    workshop().SignAll({file}, {"p256", kSha256});
    std::string attribute = ReadImaAttribute(file);
    mutation.apply(attribute);
    FinishWith(attribute);
  }
}

// jet-appraise does not know the rule: it says what the base policy makes of the file.
void ImaMatrix::AddAppraiseAlgos() {
  const auto add = [this](const std::string& hash, const std::string& cause) {
    const fs::path file =
        AddProgram("algos-" + hash, {"valid", cause, {}, Comparison::kDifferentRule});
    workshop().SignWithEvmctl(file, "rsa2048", hash);
    Must({"chown", kAlgorithmsOwner, file});
  };
  for (const std::string hash : {"sha256", "sha384", "sha512"}) add(hash, "");
  for (const std::string hash : {"sha1", "sha224", "md5"}) add(hash, "denied-hash-algorithm");
}

fs::path ImaMatrix::AddVerityProgram(const std::string& name, const std::string& verdict,
                                     const std::string& cause, const std::string& tree_hash) {
  const fs::path file = AddProgram(name, {verdict, cause, {}, Comparison::kVerityRule});
  Must({"chown", kVerityOwner, file});
  preparation_ += "fsverity enable --hash-alg=" + tree_hash + " /mnt/rows/" + name + "\n";
  return file;
}

void ImaMatrix::SignVerity(const fs::path& file, const SigningKey& key) {
  FinishWith(workshop().VeritySignature(file, key, key.hash));
}

void ImaMatrix::AddVerity() {
  for (const std::string key : {"p256", "p384", "rsa2048"}) {
    for (const std::string hash : {"sha256", "sha512"}) {
      const std::string name = "verity-" + key + "-" + hash;
      SignVerity(AddVerityProgram(name, "valid", "", hash), {key, hash});
    }
  }
  SignVerity(AddVerityProgram("verity-unknown-key", "unknown-key", kInvalidVeritySignature),
             {"self-signed", kSha256});
  AddVerityProgram("verity-unsigned", "no-signature", kVeritySignatureRequired);
  workshop().HashWithEvmctl(
      AddVerityProgram("verity-hash-only", "hash-only", kVeritySignatureRequired));
  workshop().SignAll({AddVerityProgram("verity-v2", "unsupported", kVeritySignatureRequired)},
                     {"p256", kSha256});
  // As if copied with its attribute, which does not make an fs-verity file of the copy.
  const Expectation copied = {
      "verity-not-enabled", "no-verity-digest", {}, Comparison::kVerityRule};
  const fs::path file = AddProgram("verity-not-enabled", copied);
  Must({"chown", kVerityOwner, file});
  SignVerity(file, {"p256", kSha256});
}

// The base policy takes a signature over the content, of an fs-verity file as of any other.
void ImaMatrix::AddEnabledUnderBasePolicy() {
  workshop().SignAll({AddProgram("enabled-v2", kValid)}, {"p256", kSha256});
  preparation_ += "fsverity enable /mnt/rows/enabled-v2\n";
  const fs::path file = AddProgram("enabled-v3", {"unsupported", kSignatureRequired, {}});
  SignVerity(file, {"p256", kSha256});
  preparation_ += "fsverity enable /mnt/rows/enabled-v3\n";
}

void ImaMatrix::AddVerityMutations() {
  const SigningKey key = {"p256", kSha256};
  AddVerityProgram("verity-of-another-file", "mismatch", kInvalidVeritySignature);
  FinishWith(workshop().VeritySignature(rows().front().file, key, kSha256));
  SignVerity(AddVerityProgram("verity-other-hash", "mismatch", kInvalidVeritySignature),
             {"p256", "sha512"});
  struct Change {
    const char* name;
    size_t offset;
    char value;
    const char* verdict;
    const char* cause;
  };
  for (const Change& change :
       {Change{"verity-version-2", kVersion, 2, "unsupported", "invalid-signature-version"},
        Change{"verity-type-03", kType, 3, "unsupported", kVeritySignatureRequired},
        Change{"verity-size", kSignatureSize + 1, 0, "malformed", kInvalidVeritySignature},
        Change{"verity-key-id", kKeyId + 3, 0, "unknown-key", kInvalidVeritySignature}}) {
    const fs::path file = AddVerityProgram(change.name, change.verdict, change.cause);
    std::string value = workshop().VeritySignature(file, key, kSha256);
    // Never the byte that was there.
    value[change.offset] = static_cast<char>(change.value + (value[change.offset] == change.value));
    FinishWith(value);
  }
}

}  // namespace jet::kernel
