#pragma once
// The other programs in this executable, by the word that comes first on the command line. Exit status as verify's own.

namespace verify {

int mutate_main(int argc, char **argv);
int evidence_main(int argc, char **argv);

}  // namespace verify
