# For the compiled modules of core: the call is then one of C, without a Python frame that would bring a chunk of its own.
cpdef void use_small_first_chunk() noexcept
