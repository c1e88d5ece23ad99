#include "tests/kernel/matrix.h"

#include <cstdlib>

#include "tests/kernel/command.h"
#include "tests/kernel/mutations.h"

namespace jet::kernel {
namespace {

namespace fs = std::filesystem;

constexpr char kSignatureRequired[] = "IMA-signature-required";
constexpr char kInvalidSignature[] = "invalid-signature";
constexpr char kSha256[] = "sha256";
constexpr char kUsualKey[] = "rsa2048";

// A key id that ends the issuer's name: four characters of its common name.
constexpr char kIssuerTail[] = "Qx7Z";

const Expectation kValid = {"valid", "", {}};

}  // namespace

Matrix::Matrix(const Workshop& workshop) : RowSet(workshop) {
  AddGoodPrograms();
  AddLibraries();
  AddPlainPrograms();
  AddMutations();
  AddUnknownKeys();
  AddSmallKeys();
  AddWeakHashes();
  AddTwins();
  AddIssuerTail();
  AddScripts();
  AddInterpreters();
}

void Matrix::AddGoodPrograms() {
  for (const std::string bits : {"2048", "3072", "4096"}) {
    const std::string key = "rsa" + bits;
    workshop().GenerateInStore(key, "rsa:" + bits);
    for (const std::string hash : {"sha256", "sha384", "sha512"}) {
      workshop().Sign(AddProgram(key + "-" + hash, kValid), key, hash);
    }
  }
}

void Matrix::AddLibraries() {
  workshop().Sign(AddLibrary("library-signed", kValid), kUsualKey, kSha256);
  AddLibrary("library-unsigned", {"no-signature", kSignatureRequired, {}});
  const fs::path tampered = AddLibrary("library-tampered", {"mismatch", kInvalidSignature, {}});
  workshop().Sign(tampered, kUsualKey, kSha256);
  AppendByte(tampered);
}

void Matrix::AddPlainPrograms() {
  AddProgram("unsigned", {"no-signature", kSignatureRequired, {}});
  workshop().HashWithEvmctl(AddProgram("hash-only", {"hash-only", kSignatureRequired, {}}));
  const fs::path appended = AddProgram("byte-appended", {"mismatch", kInvalidSignature, {}});
  workshop().Sign(appended, kUsualKey, kSha256);
  AppendByte(appended);
}

void Matrix::AddMutations() {
  for (const Mutation& mutation : Mutations()) {
    const fs::path file = AddProgram(mutation.name, {mutation.verdict, mutation.cause, {}});
    workshop().Sign(file, kUsualKey, kSha256);
    std::string attribute = ReadImaAttribute(file);
    mutation.apply(attribute);
    FinishWith(attribute);
  }
}

void Matrix::AddUnknownKeys() {
  const Expectation unknown = {"unknown-key", kInvalidSignature, {}};
  workshop().MakeCertificate({"stranger", "rsa:2048", "stranger"});
  workshop().SignWithFiles(AddProgram("stranger", unknown), "stranger");

  workshop().GenerateInStore("deleted", "rsa:2048");
  workshop().Sign(AddProgram("key-deleted", unknown), "deleted", kSha256);
  workshop().DeleteFromStore("deleted");
}

// Too small to sign with, but the kernel verifies with them, so jet-appraise does.
void Matrix::AddSmallKeys() {
  for (const std::string bits : {"1024", "1536"}) {
    const std::string name = "rsa" + bits;
    workshop().MakeCertificate({name, "rsa:" + bits, "small " + bits});
    added_with_keyctl_.push_back(name);
    workshop().SignWithEvmctl(AddProgram(name + "-evmctl", {"valid", "", {name}}), name, kSha256);
  }
}

// Likewise hashes that nobody should sign with any more.
void Matrix::AddWeakHashes() {
  workshop().MakeCertificate({"weak", "rsa:2048", "weak hashes"});
  workshop().ImportIntoStore("weak");
  for (const std::string hash : {"md5", "sha1", "sha224"}) {
    workshop().SignWithEvmctl(AddProgram(hash + "-evmctl", kValid), "weak", hash);
  }
}

// Two keys, one key id: the kernel tries one of them only.
void Matrix::AddTwins() {
  const std::string tail = "DEC0DE01";
  workshop().MakeCertificate({"twin-a", "rsa:2048", "twin a", "A1A1A1A1A1A1A1A1" + tail});
  workshop().MakeCertificate({"twin-b", "rsa:2048", "twin b", "B2B2B2B2B2B2B2B2" + tail});
  workshop().ImportIntoStore("twin-a");
  added_with_keyctl_.push_back("twin-b");
  const Expectation ambiguous = {
      "ambiguous-key", "", {"twin-a", "twin-b"}, Comparison::kKernelUnknown};
  for (const std::string name : {"twin-a", "twin-b"}) {
    workshop().SignWithFiles(AddProgram(name, ambiguous), name);
  }
}

void Matrix::AddIssuerTail() {
  workshop().MakeCertificate({"issuer", "rsa:2048", std::string("issuer ") + kIssuerTail});
  workshop().ImportIntoStore("issuer");
  const fs::path file = AddProgram("issuer-tail", kValid);
  workshop().Sign(file, "issuer", kSha256);
  std::string attribute = ReadImaAttribute(file);
  SetKeyId(attribute, kIssuerTail);
  FinishWith(attribute);
}

void Matrix::AddScripts() {
  AddScript("script-unsigned", {"no-signature", kSignatureRequired, {}});
  workshop().Sign(AddScript("script-signed", kValid), kUsualKey, kSha256);
  const fs::path tampered = AddScript("script-tampered", {"mismatch", kInvalidSignature, {}});
  workshop().Sign(tampered, kUsualKey, kSha256);
  WriteFile(tampered, ReadFile(tampered) + "# one line more\n");
}

// An interpreter that is given an unsigned script only reads it, so what counts is the interpreter.
// busybox knows itself by a name that begins with its own.
void Matrix::AddInterpreters() {
  const std::string script = " sh /mnt/rows/script-unsigned";
  const std::string busybox = ReadFile(Must({"sh", "-c", "printf %s \"$(command -v busybox)\""}));
  const fs::path signed_one =
      AddFile("busybox-signed", busybox, "/mnt/rows/busybox-signed" + script, kValid);
  workshop().Sign(signed_one, kUsualKey, kSha256);
  AddFile("busybox-unsigned", busybox, "/mnt/rows/busybox-unsigned" + script,
          {"no-signature", kSignatureRequired, {}});
}

}  // namespace jet::kernel
