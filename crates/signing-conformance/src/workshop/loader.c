/* A loader that verifies nothing: it falls for every attack that can work. */

#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    for (int number = 1; number < count; number++) {
        if (!dlopen(arguments[number], RTLD_NOW | RTLD_LOCAL)) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
    }
    return 0;
}
