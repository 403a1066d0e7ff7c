// verify evidence: writes docs/memory_orders.md and docs/invariants.md, or checks that they are up to date.
#include "verify/mutation/evidence.hpp"
#include "verify/tool/tools.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace verify {
namespace {

struct document {
  const char *path;
  std::string text;
};

bool up_to_date(const std::string &root, const document &d) {
  return std::filesystem::exists(root + d.path) && read_file(root + d.path) == d.text;
}

int run(bool check, const std::string &mutation) {
  const std::string root = source_root();
  if (!mutation.empty()) {
    const std::vector<mutation_row> rows = mutation_from_text(read_file(mutation), "");
    std::ofstream(root + "docs/mutation.json") << mutation_to_text(rows, "");
  }
  const evidence e = read_evidence(root);
  bool good = true;
  for (const std::string &c : complaints(e)) {
    std::printf("%s\n", c.c_str());
    good = false;
  }
  for (const document &d : {document{"docs/memory_orders.md", memory_orders_document(e)},
                            document{"docs/invariants.md", invariants_document(e)}}) {
    if (up_to_date(root, d)) continue;
    if (check) {
      std::printf("%s is out of date: run ./dev evidence\n", d.path);
      good = false;
    } else {
      std::ofstream(root + d.path) << d.text;
      std::printf("%s written\n", d.path);
    }
  }
  if (good)
    std::printf("%zu sites, %zu mistakes, %zu invariants: all accounted for\n", e.sites.size(), e.mutants.size(),
                e.invariants.size());
  return good ? 0 : 1;
}

}  // namespace

int evidence_main(int argc, char **argv) {
  bool check = false;
  std::string mutation;
  CLI::App app{"Writes the documents on memory orders and invariants from the source and the mutation results.",
               "verify evidence"};
  app.add_flag("--check", check, "write nothing; fail when a document is out of date or something is unaccounted for");
  app.add_option("--mutation", mutation, "take over the results of verify mutate --json FILE")->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::fprintf(stderr, "verify evidence: %s\n\n%s", e.what(), app.help().c_str());
    return 2;
  }
  try {
    return run(check, mutation);
  } catch (const std::exception &e) {
    std::fprintf(stderr, "verify evidence: %s\n", e.what());
    return 1;
  }
}

}  // namespace verify
