// Writes what the fuzzers start from: small valid inputs, made by the encoders, so that they are
// always of the format of today.
//   write_seeds FOLDER   makes FOLDER/manifest/... and the like; FOLDER must be there
#include <elf.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/key_type.h"
#include "crypto/private_key.h"
#include "crypto/secret.h"
#include "crypto/signer.h"
#include "keystore/mirror_history.h"
#include "keystore/pending_work.h"
#include "keystore/record.h"
#include "keystore/transfer.h"
#include "pki/issue.h"
#include "pki/request.h"
#include "sign/manifest.h"

namespace jet::keystore {
namespace {

void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "write_seeds: %s\n", what.c_str());
  std::exit(1);
}

class Seeds {
 public:
  Seeds(const std::string& folder, const std::string& name)
      : folder_(absl::StrCat(folder, "/", name)) {
    Require(mkdir(folder_.c_str(), 0700) == 0, folder_);
  }

  void Write(absl::string_view content) {
    const std::string path = absl::StrCat(folder_, "/", ++count_);
    std::ofstream file(path, std::ios::binary);
    file << content;
    Require(file.flush().good(), path);
  }

 private:
  const std::string folder_;
  int count_ = 0;
};

std::string Digits(size_t count, char digit) { return std::string(count, digit); }

void WriteRecords(const std::string& folder) {
  Seeds seeds(folder, "record");
  Record record = {.name = "release",
                   .subject_key_identifier = Digits(40, '1'),
                   .certificate_sha256 = Digits(64, '2'),
                   .private_key_sha256 = absl::nullopt,
                   .store_key_id = Digits(16, '3'),
                   .origin = KeyOrigin::kImported,
                   .created = absl::FromUnixSeconds(1700000000)};
  const base::Bytes hmac(32, 4);
  seeds.Write(EncodeRecordFile(EncodeRecord(record), hmac));
  record.private_key_sha256 = Digits(64, '5');
  record.origin = KeyOrigin::kGenerated;
  seeds.Write(EncodeRecordFile(EncodeRecord(record), hmac));
  Record in_token = record;
  in_token.private_key_sha256.reset();
  in_token.private_key_uri = "pkcs11:token=re0;object=release";
  seeds.Write(EncodeRecordFile(EncodeRecord(in_token), hmac));
  Record waiting = record;
  waiting.subject_key_identifier.clear();
  waiting.certificate_sha256.clear();
  waiting.request_sha256 = Digits(64, '6');
  seeds.Write(EncodeRecordFile(EncodeRecord(waiting), hmac));
}

// The fuzzer's first byte, 1, asks for the checksum to be made right after each mutation.
void WriteFrame(Seeds& seeds, base::ByteSpan frame) {
  seeds.Write(absl::StrCat("\x01", base::AsText(frame)));
}

void WriteRequests(Seeds& seeds) {
  const auto no_certificate = base::AsBytes("no certificate");
  const auto hash = crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, no_certificate);
  Require(hash.ok(), "no SHA-256");
  for (const TransferOperation operation :
       {TransferOperation::kPut, TransferOperation::kDelete, TransferOperation::kList}) {
    TransferRequest request;
    request.operation = operation;
    request.id = Digits(32, 'a');
    if (operation != TransferOperation::kList) {
      request.name = "release";
      request.certificate_sha256 = base::HexEncode(hash->value());
    }
    if (operation == TransferOperation::kPut) {
      request.subject_key_identifier = Digits(40, 'b');
      request.certificate.assign(no_certificate.begin(), no_certificate.end());
      request.private_key = crypto::Secret::CopyOf(base::AsBytes("no key"));
    }
    const auto frame = EncodeTransferRequest(request);
    Require(frame.ok(), frame.status().ToString());
    const absl::Status decoded = DecodeTransferRequest(frame->Expose()).status();
    Require(decoded.ok(), decoded.ToString());
    WriteFrame(seeds, frame->Expose());
  }
}

void WriteReplies(Seeds& seeds) {
  TransferReply list = {.id = Digits(32, 'a'),
                        .status = TransferStatus::kDone,
                        .has_private_key = false,
                        .message = "",
                        .keys = {{"damaged", "", false}, {"release", Digits(64, 'c'), true}}};
  TransferReply refused = {.id = Digits(32, 'a'),
                           .status = TransferStatus::kRefused,
                           .has_private_key = false,
                           .message = "no",
                           .keys = {}};
  for (const TransferReply& reply : {list, refused}) {
    const auto frame = EncodeTransferReply(reply);
    Require(frame.ok(), frame.status().ToString());
    const absl::Status decoded = DecodeTransferReply(*frame).status();
    Require(decoded.ok(), decoded.ToString());
    WriteFrame(seeds, *frame);
  }
}

void WriteTransfers(const std::string& folder) {
  Seeds seeds(folder, "transfer");
  WriteRequests(seeds);
  WriteReplies(seeds);
  PendingEntry entry;
  NoteRemoval(entry, Digits(64, 'd'));
  NotePut(entry, {Digits(64, 'e'), true});
  seeds.Write(absl::StrCat("0", EncodePendingEntry(entry)));
}

// What is between the first and the last line of a manifest, which the fuzzer puts there.
void WriteManifests(const std::string& folder) {
  Seeds seeds(folder, "manifest");
  const auto digest =
      crypto::ComputeDigest(crypto::HashAlgorithm::kSha256, base::AsBytes("content"));
  Require(digest.ok(), "no SHA-256");
  std::vector<sign::ManifestEntry> entries;
  for (const char* path : {"usr/bin/program", "a\nb\\c"}) {
    entries.push_back({path, *digest, {1, 2, 3, 4}, base::Bytes(64, 5)});
  }
  const auto text = sign::EncodeManifest(entries);
  Require(text.ok(), text.status().ToString());
  const size_t begin = text->find('\n') + 1;
  const size_t end = text->rfind('\n', text->size() - 2) + 1;
  seeds.Write(text->substr(begin, end - begin));
}

void WriteHistories(const std::string& folder) {
  Seeds seeds(folder, "mirror_history");
  MirrorHistory history;
  for (const char digit : {'1', '2'}) {
    const std::string lines = EncodeMirrorHistory(history, Digits(16, '3'));
    seeds.Write(absl::StrCat(lines, EncodeMirrorHistoryHmac(base::Bytes(32, 4))));
    Require(history.Add({base::Bytes(20, static_cast<uint8_t>(digit)), Digits(64, digit)}),
            "a certificate that is there already");
  }
}

// What the first byte means stands in the fuzzer.
void WriteXattrs(const std::string& folder) {
  Seeds seeds(folder, "xattr");
  for (const char key : {'\0', '\1', '\2', '\3'}) seeds.Write(absl::string_view(&key, 1));
  const base::Bytes header = {0x03, 2, 4, 0, 0, 0, 0, 1, 0};
  for (const char how : {'\x80', '\xc0'}) {
    seeds.Write(absl::StrCat(std::string(1, how), base::AsText(header), Digits(256, '\1')));
  }
  seeds.Write(absl::StrCat("\xc0\x04\x04", Digits(32, '\1')));
  seeds.Write(absl::StrCat("\xc0\x01", Digits(20, '\1')));
}

void WriteCertificates(const std::string& folder) {
  Seeds seeds(folder, "certificate");
  const pki::Subject subject = {
      .country = "US", .organization = "Acme", .common_name = "k", .email = "a@acme.example"};
  std::string bundle;
  for (const char* type : {"rsa:2048", "ec:p256", "ec:p384"}) {
    auto key = crypto::PrivateKey::Generate(*crypto::ParseSigningKeyType(type));
    Require(key.ok(), "no key");
    const auto certificate =
        pki::IssueSelfSigned(*key, subject, {absl::Now(), absl::Now() + absl::Hours(24)});
    Require(certificate.ok(), certificate.status().ToString());
    seeds.Write(base::AsText(certificate->der()));
    seeds.Write(certificate->Pem());
    absl::StrAppend(&bundle, certificate->Pem());
    const auto signer = crypto::MakeSigner(*std::move(key));
    Require(signer.ok(), "no signer");
    const auto request = pki::MakeRequest(**signer, subject);
    Require(request.ok(), request.status().ToString());
    seeds.Write(base::AsText(request->der()));
  }
  seeds.Write(bundle);
}

void WriteAnswers(const std::string& folder) {
  Seeds seeds(folder, "answers");
  seeds.Write("country = \"US\"\nstate = 'CA'\nindex = 3\nemail = \"a\\u00e9\"\n");
  seeds.Write(
      "keystore = \"/etc/jet/keystore\"\njobs = 4\none-file-system = true\n"
      "[[peers]]\nname = \"re1\"\ncommand = [\"ssh\", \"re1\"]\n");
}

// A program's header and a few sections, as small as they can be, and what is none.
void WriteElfFiles(const std::string& folder) {
  Seeds seeds(folder, "elf");
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_version = EV_CURRENT;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shoff = sizeof(header);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  constexpr char kNames[] = "\0.text\0.modinfo";
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  sections[2].sh_name = 7;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = sizeof(header) + sizeof(sections);
  sections[2].sh_size = sizeof(kNames);
  for (const int type : {ET_EXEC, ET_DYN, ET_REL}) {
    header.e_type = static_cast<Elf64_Half>(type);
    std::string file(reinterpret_cast<const char*>(&header), sizeof(header));
    file.append(reinterpret_cast<const char*>(sections), sizeof(sections));
    file.append(kNames, sizeof(kNames));
    seeds.Write(file);
  }
  seeds.Write("#!/bin/sh\n");
}

void WriteTexts(const std::string& folder) {
  Seeds seeds(folder, "json");
  seeds.Write("usr/bin/program");
  seeds.Write("a\nb\\c\"\x1b[31m\xc3\xa9\xff\xe2\x80\xae");
}

void WritePolicies(const std::string& folder) {
  Seeds seeds(folder, "policy");
  seeds.Write(
      "dont_appraise fsmagic=0x01021994\nappraise func=BPRM_CHECK appraise_type=imasig\n"
      "appraise func=MMAP_CHECK mask=^MAY_EXEC fowner=0 appraise_type=imasig "
      "appraise_algos=sha256,sha512\n");
  seeds.Write("appraise digest_type=verity appraise_type=sigv3 uid>5 obj_type=t fsname=ext4\n");
  seeds.Write("# comment\nmeasure func=FILE_CHECK mask=MAY_READ uid=0 pcr=11 template=ima-sig\n");
}

}  // namespace
}  // namespace jet::keystore

int main(int argc, char** argv) {
  jet::keystore::Require(argc == 2, "usage: write_seeds FOLDER");
  jet::keystore::WriteRecords(argv[1]);
  jet::keystore::WriteTransfers(argv[1]);
  jet::keystore::WriteManifests(argv[1]);
  jet::keystore::WriteHistories(argv[1]);
  jet::keystore::WriteXattrs(argv[1]);
  jet::keystore::WriteCertificates(argv[1]);
  jet::keystore::WriteAnswers(argv[1]);
  jet::keystore::WriteTexts(argv[1]);
  jet::keystore::WriteElfFiles(argv[1]);
  jet::keystore::WritePolicies(argv[1]);
  return 0;
}
