#include "tests/kernel/matrix.h"

#include <cstdlib>
#include <utility>

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

void AppendByte(const fs::path& file) { WriteFile(file, ReadFile(file) + "x"); }

const Expectation kValid = {"valid", "", {}};

}  // namespace

Matrix::Matrix(const Workshop& workshop) : workshop_(workshop) {
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
    workshop_.GenerateInStore(key, "rsa:" + bits);
    for (const std::string hash : {"sha256", "sha384", "sha512"}) {
      workshop_.Sign(AddProgram(key + "-" + hash, kValid), key, hash);
    }
  }
}

void Matrix::AddLibraries() {
  workshop_.Sign(AddLibrary("library-signed", kValid), kUsualKey, kSha256);
  AddLibrary("library-unsigned", {"no-signature", kSignatureRequired, {}});
  const fs::path tampered = AddLibrary("library-tampered", {"mismatch", kInvalidSignature, {}});
  workshop_.Sign(tampered, kUsualKey, kSha256);
  AppendByte(tampered);
}

void Matrix::AddPlainPrograms() {
  AddProgram("unsigned", {"no-signature", kSignatureRequired, {}});
  workshop_.HashWithEvmctl(AddProgram("hash-only", {"hash-only", kSignatureRequired, {}}));
  const fs::path appended = AddProgram("byte-appended", {"mismatch", kInvalidSignature, {}});
  workshop_.Sign(appended, kUsualKey, kSha256);
  AppendByte(appended);
}

void Matrix::AddMutations() {
  for (const Mutation& mutation : Mutations()) {
    const fs::path file = AddProgram(mutation.name, {mutation.verdict, mutation.cause, {}});
    workshop_.Sign(file, kUsualKey, kSha256);
    std::string attribute = ReadImaAttribute(file);
    mutation.apply(attribute);
    FinishWith(attribute);
  }
}

void Matrix::FinishWith(const std::string& attribute) {
  if (WriteImaAttribute(rows_.back().file, attribute)) return;
  fs::remove(rows_.back().file);
  not_made_.push_back(rows_.back().name);
  rows_.pop_back();
}

void Matrix::AddUnknownKeys() {
  const Expectation unknown = {"unknown-key", kInvalidSignature, {}};
  workshop_.MakeCertificate({kStranger, "2048", "stranger", ""});
  workshop_.SignWithFiles(AddProgram(kStrangersRow, unknown), kStranger);

  workshop_.GenerateInStore("deleted", "rsa:2048");
  workshop_.Sign(AddProgram("key-deleted", unknown), "deleted", kSha256);
  workshop_.DeleteFromStore("deleted");
}

// Too small to sign with, but the kernel verifies with them, so jet-appraise does.
void Matrix::AddSmallKeys() {
  for (const std::string bits : {"1024", "1536"}) {
    const std::string name = "rsa" + bits;
    workshop_.MakeCertificate({name, bits, "small " + bits, ""});
    added_with_keyctl_.push_back(name);
    workshop_.SignWithEvmctl(AddProgram(name + "-evmctl", {"valid", "", {name}}), name, kSha256);
  }
}

// Likewise hashes that nobody should sign with any more.
void Matrix::AddWeakHashes() {
  workshop_.MakeCertificate({"weak", "2048", "weak hashes", ""});
  workshop_.ImportIntoStore("weak");
  for (const std::string hash : {"md5", "sha1", "sha224"}) {
    workshop_.SignWithEvmctl(AddProgram(hash + "-evmctl", kValid), "weak", hash);
  }
}

// Two keys, one key id: the kernel tries one of them only.
void Matrix::AddTwins() {
  const std::string tail = "DEC0DE01";
  workshop_.MakeCertificate({"twin-a", "2048", "twin a", "A1A1A1A1A1A1A1A1" + tail});
  workshop_.MakeCertificate({"twin-b", "2048", "twin b", "B2B2B2B2B2B2B2B2" + tail});
  workshop_.ImportIntoStore("twin-a");
  added_with_keyctl_.push_back("twin-b");
  const Expectation ambiguous = {"ambiguous-key", "", {"twin-a", "twin-b"}, /*compared=*/false};
  for (const std::string name : {"twin-a", "twin-b"}) {
    workshop_.SignWithFiles(AddProgram(name, ambiguous), name);
  }
}

void Matrix::AddIssuerTail() {
  workshop_.MakeCertificate({"issuer", "2048", std::string("issuer ") + kIssuerTail, ""});
  workshop_.ImportIntoStore("issuer");
  const fs::path file = AddProgram("issuer-tail", kValid);
  workshop_.Sign(file, "issuer", kSha256);
  std::string attribute = ReadImaAttribute(file);
  SetKeyId(attribute, kIssuerTail);
  FinishWith(attribute);
}

void Matrix::AddScripts() {
  AddScript("script-unsigned", {"no-signature", kSignatureRequired, {}});
  workshop_.Sign(AddScript("script-signed", kValid), kUsualKey, kSha256);
  const fs::path tampered = AddScript("script-tampered", {"mismatch", kInvalidSignature, {}});
  workshop_.Sign(tampered, kUsualKey, kSha256);
  WriteFile(tampered, ReadFile(tampered) + "# one line more\n");
}

// An interpreter that is given an unsigned script only reads it, so what counts is the interpreter.
// busybox knows itself by a name that begins with its own.
void Matrix::AddInterpreters() {
  const std::string script = " sh /mnt/rows/script-unsigned";
  const std::string busybox = ReadFile(Must({"sh", "-c", "printf %s \"$(command -v busybox)\""}));
  const fs::path signed_one =
      AddFile("busybox-signed", busybox, "/mnt/rows/busybox-signed" + script, kValid);
  workshop_.Sign(signed_one, kUsualKey, kSha256);
  AddFile("busybox-unsigned", busybox, "/mnt/rows/busybox-unsigned" + script,
          {"no-signature", kSignatureRequired, {}});
}

fs::path Matrix::AddProgram(const std::string& name, Expectation expected) {
  static const std::string content = ReadFile(JET_LAB_PROGRAM);
  return AddFile(name, content, "/mnt/rows/" + name, std::move(expected));
}

fs::path Matrix::AddLibrary(const std::string& name, Expectation expected) {
  static const std::string content = ReadFile(JET_LAB_LIBRARY);
  static const std::string opener = fs::path(JET_LAB_OPENER).filename();
  return AddFile(name, content, opener + " /mnt/rows/" + name, std::move(expected));
}

// The guest's /bin/sh is exempt, being on the initramfs.
fs::path Matrix::AddScript(const std::string& name, Expectation expected) {
  return AddFile(name, "#!/bin/sh\necho ran\n# ", "/mnt/rows/" + name, std::move(expected));
}

// Each file ends with its row's name, so that no two are equal.
fs::path Matrix::AddFile(const std::string& name, const std::string& content,
                         const std::string& command, Expectation expected) {
  const fs::path file = workshop_.disk() / "rows" / name;
  WriteFile(file, content + name + "\n");
  fs::permissions(file, fs::perms(0755));
  rows_.push_back({name, file, std::move(expected), command});
  return file;
}

}  // namespace jet::kernel
