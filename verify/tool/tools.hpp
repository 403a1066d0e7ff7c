#pragma once
// The other programs in this executable, named by the first word of the command line. Their exit status is as verify's.

namespace verify {

int mutate_main(int argc, char **argv);
int evidence_main(int argc, char **argv);

}  // namespace verify
