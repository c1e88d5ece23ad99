#include <array>

#include "cli/command.h"

namespace jet::cli {
namespace {

constexpr std::array<Command, 15> kCommands = {{
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
    {"", "sign", "sign programs and shared objects: write security.ima",
     "  jet-sign app --key ima-test-key\n"
     "  jet-sign -r build/ --key ima-test-key --jobs 4\n"
     "  jet-sign app --private-key ima-privkey.pem --x509-cert ima-cert.x509\n",
     DeclareSign},
    {"", "appraise", "say whether the kernel will run files, and why not",
     "  jet-appraise app\n"
     "  jet-appraise -r /opt/app --json\n"
     "  jet-appraise app --x509-cert ima-cert.x509\n",
     DeclareAppraise},
    {"keystore", "generate", "make a signing key and its certificate, store and mirror them",
     "  jet-keystore generate --key-name ima-test-key\n"
     "  jet-keystore generate --key-name k --key-type ec:p256 --organization Acme\n"
     "  jet-keystore generate --key-name k --out-dir keys --passphrase-file p\n",
     DeclareKeystoreGenerate},
    {"keystore", "import", "store a certificate, with or without its private key, and mirror it",
     "  jet-keystore import --key-name ima-test-key --x509-cert ima-cert.x509 \\\n"
     "      --private-key ima-privkey.pem\n",
     DeclareKeystoreImport},
    {"keystore", "list", "list the keys of the keystore",
     "  jet-keystore list\n"
     "  jet-keystore list --json\n",
     DeclareKeystoreList},
    {"keystore", "show", "show all that matters of one key", "  jet-keystore show ima-test-key\n",
     DeclareKeystoreShow},
    {"keystore", "delete", "take a key out of the kernel's keyring and the keystore",
     "  jet-keystore delete ima-test-key --yes\n", DeclareKeystoreDelete},
    {"ima", "keyring", "list the kernel's IMA (extended) keyring",
     "  jet-ima keyring\n"
     "  jet-ima keyring --keyring .ima --json\n",
     DeclareImaKeyring},
    {"ima", "load", "mirror every certificate of the keystore into the IMA keyring",
     "  jet-ima load\n"
     "  jet-ima load --pin\n",
     DeclareImaLoad},
    {"ima", "status", "compare keystore, keyring and kernel", "  jet-ima status\n",
     DeclareImaStatus},
    {"ima", "inspect", "decode the security.ima of files", "  jet-ima inspect /usr/bin/app\n",
     DeclareImaInspect},
}};

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

}  // namespace jet::cli
