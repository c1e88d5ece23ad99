#include <array>

#include "cli/command.h"

namespace jet::cli {
namespace {

constexpr std::array<Command, 25> kCommands = {{
    {"certificate-request", "", "make a signing key and a certificate request for JET applications",
     "  jet-certificate-request\n"
     "      asks for everything; ? explains a question\n"
     "  jet-certificate-request --country us --state CA --locality Sunnyvale \\\n"
     "      --organization 'Acme, Inc.' --unit R/D --provider-prefix acme --user-string dev1 \\\n"
     "      --index 1 --email jet@acme.example\n"
     "  jet-certificate-request install acme-dev1-1.pem\n"
     "  jet-certificate-request renew acme-dev1-1\n"
     "  jet-certificate-request list\n",
     DeclareCertificateRequest},
    {"certificate-request", "renew", "make the key and the request of the next generation",
     "  jet-certificate-request renew acme-dev1-1\n", DeclareCertificateRequestRenew},
    {"certificate-request", "install", "install the certificate that the CA sent back",
     "  jet-certificate-request install acme-dev1-1.pem\n", DeclareCertificateRequestInstall},
    {"certificate-request", "list", "list keys, requests and certificates, and what is wrong",
     "  jet-certificate-request list\n"
     "  jet-certificate-request list --certs-dir D --json\n",
     DeclareCertificateRequestList},
    {"sign", "", "sign programs and shared objects: write security.ima",
     "  jet-sign app --key ima-test-key\n"
     "  jet-sign -r build/ --key ima-test-key --jobs 4\n"
     "  jet-sign app --private-key ima-privkey.pem --x509-cert ima-cert.x509\n"
     "  jet-sign -r build/ --key ima-test-key --detached\n"
     "      without root: app.sig beside app; jet-sign apply puts them into security.ima\n"
     "  jet-sign -r build/ --key ima-test-key --manifest build.manifest\n"
     "  jet-sign -r build/ --key ima-test-key --output-dir signed/\n"
     "      build/bin/app stays as it is, signed/bin/app is its signed copy\n"
     "  jet-sign -r build/ --key ima-test-key --exclude 'test*' --dry-run\n"
     "  jet-sign -r /opt/app --key ima-test-key --verity --enable-verity\n"
     "      for digest_type=verity rules. Enabling fs-verity cannot be undone: nobody can change\n"
     "      the content of the files again, and nobody may have them open for writing. Without\n"
     "      --enable-verity the signatures count once it is enabled, until then they do not\n"
     "  jet-sign --strip -r build/\n",
     DeclareSign, true},
    {"sign", "apply", "put signatures made elsewhere into security.ima, each checked first",
     "  jet-sign apply -r /opt/app\n"
     "  jet-sign apply --manifest build.manifest --root /opt/app --x509-cert ima-cert.x509\n"
     "  (a file named apply is signed as ./apply)\n",
     DeclareSignApply},
    {"", "appraise", "say whether the kernel will run files, and why not",
     "  jet-appraise app\n"
     "  jet-appraise -r /opt/app --json\n"
     "  jet-appraise app --x509-cert ima-cert.x509\n"
     "  jet-appraise --explain app\n"
     "  jet-appraise --explain app --policy ima.policy\n"
     "  jet-appraise -r build/ --x509-cert certs/ --quiet || exit 1\n"
     "      a gate: prints what does not pass; 1 a file did not pass, 3 one could not be read\n"
     "  jet-appraise -r build/ --detached\n"
     "  jet-appraise -r /opt/app --verity\n"
     "  jet-appraise --manifest build.manifest --root build/\n",
     DeclareAppraise},
    {"keystore", "generate", "make a signing key and its certificate, store and mirror them",
     "  jet-keystore generate --key-name ima-test-key\n"
     "  jet-keystore generate --key-name k --key-type ec:p256 --organization Acme\n"
     "  jet-keystore generate --key-name k --out-dir keys --passphrase-file p\n",
     DeclareKeystoreGenerate},
    {"keystore", "import", "store a certificate, with or without its private key, and mirror it",
     "  jet-keystore import --key-name ima-test-key --x509-cert ima-cert.x509 \\\n"
     "      --private-key ima-privkey.pem\n"
     "  jet-keystore import --key-name ima-test-key --pkcs12 ima.p12\n"
     "  jet-keystore import --from-request acme-dev1-1\n",
     DeclareKeystoreImport},
    {"keystore", "list", "list the keys of the keystore",
     "  jet-keystore list\n"
     "  jet-keystore list --json\n",
     DeclareKeystoreList},
    {"keystore", "show", "show all that matters of one key", "  jet-keystore show ima-test-key\n",
     DeclareKeystoreShow},
    {"keystore", "export", "write the certificate of a key, or its private key under a passphrase",
     "  jet-keystore export ima-test-key >ima-cert.pem\n"
     "  jet-keystore export ima-test-key --x509-cert ima-cert.x509 --private-key ima-privkey.pem\n",
     DeclareKeystoreExport},
    {"keystore", "delete", "take a key out of the kernel's keyring and the keystore",
     "  jet-keystore delete ima-test-key --yes\n", DeclareKeystoreDelete},
    {"keystore", "protect", "put the store key under a passphrase, or under another one",
     "  jet-keystore protect\n"
     "  jet-keystore protect --store-passphrase-file old --new-store-passphrase-file new\n",
     DeclareKeystoreProtect},
    {"keystore", "unprotect", "take the passphrase off the store key", "  jet-keystore unprotect\n",
     DeclareKeystoreUnprotect},
    {"keystore", "rekey", "move every key to a new store key, or go on doing so",
     "  jet-keystore rekey\n", DeclareKeystoreRekey},
    {"keystore", "rename", "give a key another name", "  jet-keystore rename old-name new-name\n",
     DeclareKeystoreRename},
    {"keystore", "verify", "check all that is in the keystore; put in order what a crash left",
     "  jet-keystore verify\n"
     "  jet-keystore verify --repair\n",
     DeclareKeystoreVerify},
    {"keystore", "peers", "show the other Routing Engines and what is pending for them",
     "  jet-keystore peers\n"
     "  jet-keystore peers --authorize re0.pub >>/root/.ssh/authorized_keys\n",
     DeclareKeystorePeers},
    {"keystore", "sync", "bring the keystores of the other Routing Engines in step with this one",
     "  jet-keystore sync\n"
     "  jet-keystore sync --with-private-key\n",
     DeclareKeystoreSync},
    {"keystore", "receive", "take a key from another Routing Engine; run by ssh",
     "  command=\"jet-keystore receive\" in authorized_keys (jet-keystore peers --authorize)\n",
     DeclareKeystoreReceive},
    {"ima", "keyring", "list the kernel's IMA (extended) keyring",
     "  jet-ima keyring\n"
     "  jet-ima keyring --keyring .ima --json\n",
     DeclareImaKeyring},
    {"ima", "load", "mirror every certificate of the keystore into the IMA keyring",
     "  jet-ima load\n"
     "  jet-ima load --prune\n"
     "  jet-ima load --pin\n"
     "  jet-ima load --policy /etc/jet/policy --pin\n"
     "  jet-ima load --x509-cert /etc/jet/certificates\n",
     DeclareImaLoad},
    {"ima", "status", "compare keystore, keyring and kernel", "  jet-ima status\n",
     DeclareImaStatus},
    {"ima", "inspect", "decode the security.ima of files", "  jet-ima inspect /usr/bin/app\n",
     DeclareImaInspect},
}};

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

}  // namespace jet::cli
