<?php
// The rpc register of the test contract on PHP's own SoapServer. Run by test_php_rpc.py with: php -S 127.0.0.1:PORT
ini_set('soap.wsdl_cache_enabled', '0');

class Register
{
    public function Find($iin, $options)
    {
        $person = ['name' => "Қуаныш $iin $options->year", 'birthDate' => '1985-03-12'];
        if ($options->withAddresses) {
            $person['address'] = ['Орал', 'Уральск'];
        }
        return ['person' => $person, 'count' => $iin === '000000000000' ? 'many' : 2];
    }
}

$server = new SoapServer(getenv('RPC_WSDL'), ['encoding' => 'UTF-8']);
$server->setClass('Register');
$server->handle();
