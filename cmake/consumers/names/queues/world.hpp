#error "a header of the user, which nothing of heddle may include"
