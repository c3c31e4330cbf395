# Port and memory accesses of every size, whose results go to the console. Assembled as ../bare-guest.s is.
# Entered at its first byte in 64-bit mode, interrupts off, the first 4 GiB mapped one to one.
        .intel_syntax noprefix
        .code64
        .set    CONSOLE, 0x3f8
        .set    BELL, 0xe0100000

start:  mov     esp, 0x90000
        lea     rsi, [rip + text]
        mov     ecx, 6
        mov     dx, CONSOLE
        cld
        rep outsb                       # a string instruction

        mov     eax, 0x80000000         # PCI: the host bridge's vendor, by doubleword, word and byte
        mov     dx, 0xcf8
        out     dx, eax
        mov     dx, 0xcfc
        in      eax, dx
        call    hex
        mov     dx, 0xcfe
        xor     eax, eax
        in      ax, dx
        call    hex
        mov     dx, 0xcfd
        xor     eax, eax
        in      al, dx
        call    hex
        mov     dx, 0x510               # a port nobody has
        mov     eax, 0
        in      al, dx
        call    hex

        mov     edi, BELL               # the doorbell's registers, by every size
        mov     eax, [rdi]
        call    hex
        mov     rax, [rdi]
        call    hex
        xor     eax, eax
        mov     ax, [rdi]
        call    hex
        xor     eax, eax
        mov     al, [rdi]
        call    hex
        mov     dword ptr [rdi + 8], 1234
        mov     dword ptr [rdi], 1      # flush
        mov     dword ptr [rdi], 2      # wait
        mov     dword ptr [rdi], 3      # goodbye
        mov     ebx, 0xd0000000         # nobody's
        mov     eax, [rbx]
        call    hex
        mov     ebx, 0xd0000ffd         # and across two pages of it
        mov     rax, [rbx]
        call    hex
        mov     rax, 0x1122334455667788 # the last bytes of the window, which is memory
        mov     ebx, 0xe00ffff8
        mov     [rbx], rax
        mov     rax, [rbx]
        call    hex

        mov     eax, 1                  # a hypervisor's traces
        cpuid
        mov     eax, ecx
        shr     eax, 31
        call    hex
        mov     eax, 0x40000000
        cpuid
        mov     eax, ebx
        call    hex

        mov     dx, 0xcf9               # reset
        mov     al, 6
        out     dx, al
1:      hlt
        jmp     1b

# Prints RAX as 16 digits and a line feed.
hex:    push    rcx
        push    rdx
        mov     rcx, 16
        mov     dx, CONSOLE
2:      rol     rax, 4
        push    rax
        and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     3f
        add     al, 'a' - '0' - 10
3:      out     dx, al
        pop     rax
        dec     rcx
        jnz     2b
        push    rax
        mov     al, 10
        out     dx, al
        pop     rax
        pop     rdx
        pop     rcx
        ret
text:   .ascii  "hello\n"
