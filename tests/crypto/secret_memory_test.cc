// No byte of a private key or passphrase is left in a process that has used and destroyed it. A
// probe (secret_memory_probe.cc) looks through its own memory; that it would find something is
// shown by a run that searches too early and by one without the wiping allocator.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hex.h"
#include "crypto/openssl_types.h"
#include "tests/crypto/secret_numbers.h"
#include "tests/crypto/test_keys.h"
#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using base::Bytes;
using test::TestKey;
using test::ValueOf;

using testing::ElementsAre;

std::string MaskedLine(const std::string& name, const Bytes& masked) {
  return absl::StrCat(name, " ", base::HexEncode(masked), "\n");
}

std::string MaskedList(const PrivateKey& key, const std::string& passphrase) {
  Bytes masked = base::ToBytes(base::AsBytes(passphrase));
  for (uint8_t& byte : masked) byte ^= test::kSecretMask;
  std::string list = MaskedLine("passphrase", masked);
  for (const test::SecretNumber& number : test::SecretNumbersOf(key)) {
    list += MaskedLine(number.name, number.masked);
  }
  return list;
}

// Returns a descriptor that `content` can be read from, once.
base::UniqueFd PipeWith(absl::string_view content) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
  base::UniqueFd reader(ends[0]);
  const base::UniqueFd writer(ends[1]);
  const absl::Status written = base::WriteAll(writer.get(), base::AsBytes(content), "pipe");
  if (!written.ok()) throw std::runtime_error(written.ToString());
  return reader;
}

[[noreturn]] void ExecProbe(const char* mode, const std::string& source,
                            const std::array<int, 3>& inputs, int output) {
  // First out of the way of 3, 4 and 5, then to these places, which exec keeps open.
  std::array<int, 3> moved = {};
  for (size_t i = 0; i < inputs.size(); ++i) moved[i] = fcntl(inputs[i], F_DUPFD, 10);
  for (size_t i = 0; i < moved.size(); ++i) {
    (void)dup2(moved[i], static_cast<int>(3 + i));
    (void)close(moved[i]);
  }
  (void)dup2(output, STDOUT_FILENO);
  execl(JET_SECRET_MEMORY_PROBE, JET_SECRET_MEMORY_PROBE, mode, source.c_str(), nullptr);
  _exit(127);
}

struct KeyFile {
  const PrivateKey& key;
  std::string encoded;
  std::string passphrase;
};

// Runs the probe with a key file, or without one on a key that it makes itself, and returns the
// lines it printed.
std::vector<std::string> RunProbe(const char* mode, const KeyFile& file,
                                  const std::string& source = "file") {
  const base::UniqueFd key = PipeWith(file.encoded);
  const base::UniqueFd passphrase = PipeWith(file.passphrase);
  const base::UniqueFd list = PipeWith(MaskedList(file.key, file.passphrase));
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    // The writing end may be any of 3 to 5 itself.
    const int output = fcntl(writer.get(), F_DUPFD_CLOEXEC, 10);
    ExecProbe(mode, source, {key.get(), passphrase.get(), list.get()}, output);
  }
  writer.Reset();
  const Bytes output = ValueOf(base::ReadBounded(reader.get(), 1 << 20, "the probe"));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the probe failed";
  return absl::StrSplit(std::string(base::AsText(output)), '\n', absl::SkipEmpty());
}

std::string NewPassphrase() { return base::HexEncode(ValueOf(RandomSecret(24)).Expose()); }

KeyFile Pbes2File(const char* type) {
  const PrivateKey& key = TestKey(type);
  const std::string passphrase = NewPassphrase();
  const Bytes pem = ValueOf(key.EncryptedPem(test::SecretText(passphrase), kRandomKeyIterations));
  return {key, std::string(base::AsText(pem)), passphrase};
}

KeyFile PlainFile(const char* type) {
  const PrivateKey& key = TestKey(type);
  return {key, std::string(base::AsText(ValueOf(key.UnencryptedPem()).Expose())), NewPassphrase()};
}

// PKCS#1 or SEC 1; in PEM with the encryption of that time, in DER without any.
enum class Traditional { kEncryptedPem, kDer };

KeyFile TraditionalFile(const char* type, Traditional form) {
  const PrivateKey& key = TestKey(type);
  std::string passphrase = NewPassphrase();
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const int written = form == Traditional::kDer
                          ? i2d_PrivateKey_bio(bio.get(), key.evp())
                          : PEM_write_bio_PrivateKey_traditional(
                                bio.get(), key.evp(), EVP_aes_128_cbc(),
                                reinterpret_cast<uint8_t*>(passphrase.data()),
                                static_cast<int>(passphrase.size()), nullptr, nullptr);
  if (written != 1) throw std::runtime_error("cannot encode the key");
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {key, std::string(data, static_cast<size_t>(size)), passphrase};
}

class SecretMemoryTest : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Keys, SecretMemoryTest, testing::Values("rsa:3072", "ec:p256", "ec:p384"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::erase(name, ':');
                           return name;
                         });

const auto kNothing = ElementsAre("dumpable 0", "signed");

TEST_P(SecretMemoryTest, NothingIsLeftOfAnEncryptedKey) {
  EXPECT_THAT(RunProbe("wipe", Pbes2File(GetParam())), kNothing);
}

TEST_P(SecretMemoryTest, NothingIsLeftOfAKeyThatWasNotEncrypted) {
  EXPECT_THAT(RunProbe("wipe", PlainFile(GetParam())), kNothing);
}

TEST_P(SecretMemoryTest, NothingIsLeftOfAKeyInATraditionalForm) {
  EXPECT_THAT(RunProbe("wipe", TraditionalFile(GetParam(), Traditional::kEncryptedPem)), kNothing);
  EXPECT_THAT(RunProbe("wipe", TraditionalFile(GetParam(), Traditional::kDer)), kNothing);
}

TEST_P(SecretMemoryTest, NothingIsLeftOfAKeyThatWasMade) {
  EXPECT_THAT(RunProbe("wipe", PlainFile(GetParam()), GetParam()), kNothing);
}

TEST_P(SecretMemoryTest, WhileTheKeyIsInUseTheProbeFindsEveryPartOfIt) {
  // The first control of the tests above: the probe looks in the right places for the right bytes.
  const std::vector<std::string> lines = RunProbe("alive", Pbes2File(GetParam()));
  std::vector<testing::Matcher<std::string>> expected = {"dumpable 0", "signed"};
  for (const test::SecretNumber& number : test::SecretNumbersOf(TestKey(GetParam()))) {
    expected.emplace_back("found " + number.name);
  }
  EXPECT_THAT(lines, testing::UnorderedElementsAreArray(expected));
}

TEST(SecretMemoryControlTest, WithoutTheWipingAllocatorTheProbeFindsWhatIsLeftOfAKey) {
  // The second control: it is the wiping that makes the difference. EC keys show it; of RSA keys
  // OpenSSL 3.0 leaves nothing behind as long as its secure heap has room.
  for (const char* type : {"ec:p256", "ec:p384"}) {
    EXPECT_THAT(RunProbe("keep", TraditionalFile(type, Traditional::kDer)),
                ElementsAre("dumpable 0", "signed", "found scalar"));
  }
}

}  // namespace
}  // namespace jet::crypto
